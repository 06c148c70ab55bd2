"""Linear layers whose weights are read in oneDNN's own layout: on a CPU faster by a tenth to a half, most for few rows.

`works` compares a packed product with a plain one on this processor before any layer is packed. It can be removed: then
torch's own linear layers give the same numbers but for rounding. Imported only where torch is needed anyway. The packed
weights lie beside the plain ones, which gradients, fingerprints and tied embeddings go on to use.
"""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

import torch

LEAST = 1 << 16
"""Elements of a matrix that is worth it."""

MOST_BYTES = 2 << 30
"""Bytes of all packed weights of a model; a larger model keeps its plain ones alone."""

_ROWS = 512
"""Rows of input that the layout is chosen for; it serves any number."""


class PackedLinear(torch.nn.Linear):  # type: ignore[misc]
    """A linear layer that keeps its weight packed too, and packs it again where the weight has changed."""

    _packed: torch.Tensor | None = None
    _source: tuple[torch.Tensor, int] | None = None
    """What was packed, held so that no other weight comes to lie at its address, and its version."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Linear`: (…, in) to (…, out). With gradients, or in another number format, it is just that."""
        weight = self.weight
        # packed products are for float32 on the CPU and have no gradients
        fits = input.dtype == weight.dtype == torch.float32 and input.is_cpu and weight.is_cpu
        if not fits or not torch.is_inference_mode_enabled() or weight.is_inference():
            return super().forward(input)
        self.prepare()
        return _product(input, self._packed, self.bias)

    def prepare(self) -> None:
        """Pack the weight, unless what is packed is this very weight."""
        weight = self.weight
        if self._source is None or not _same(weight, *self._source):
            self._packed, self._source = _reordered(weight), (weight.detach(), weight._version)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of: it packs for itself."""
        return {name: value for name, value in self.__dict__.items() if name not in {"_packed", "_source"}}


def pack(model: torch.nn.Module) -> int:
    """Pack the weights of a model's linear layers, as far as this machine can.

    Args:
        model: changed in place; its numbers stay the same but for rounding.

    Returns:
        How many layers; 0 where the weights are too many, or the processor or this build of torch cannot do it.
    """
    layers = [module for module in model.modules() if _packable(module)]
    size = sum(4 * layer.weight.numel() for layer in layers)
    if not layers or size > MOST_BYTES or not works():
        return 0
    for layer in layers:
        layer.__class__ = PackedLinear
        layer.prepare()
    return len(layers)


def _same(weight: torch.Tensor, source: torch.Tensor, version: int) -> bool:
    """Whether a weight is the very tensor that was packed, and has not changed since."""
    # torch counts a tensor's version up with each change in place
    same_place = weight.data_ptr() == source.data_ptr() and weight.stride() == source.stride()
    return bool(same_place and weight.shape == source.shape and weight._version == version)


def _packable(module: torch.nn.Module) -> bool:
    if type(module) is not torch.nn.Linear:
        return False
    weight = module.weight
    plain = type(weight.data) is torch.Tensor and weight.dtype == torch.float32 and weight.is_cpu
    plain = plain and not weight.is_inference()  # such a one does not tell when it is changed
    return plain and weight.numel() >= LEAST


@cache
def works() -> bool:
    """Whether this processor and this build of torch multiply packed weights as they multiply plain ones."""
    if platform.machine().lower() not in {"x86_64", "amd64"} or not torch.backends.mkldnn.is_available():
        return False
    chance = torch.Generator().manual_seed(0)
    weight, rows, bias = (torch.randn(shape, generator=chance) for shape in ((96, 80), (2, 3, 80), (96,)))
    try:
        product = _product(rows, _reordered(weight), bias)
    except (AttributeError, RuntimeError, NotImplementedError):  # both operators are torch's own, not promised to stay
        return False
    return bool(torch.allclose(product, torch.nn.functional.linear(rows, weight, bias), rtol=1e-4, atol=1e-4))


def _reordered(weight: torch.Tensor) -> torch.Tensor:
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)
    return packed


def _product(rows: torch.Tensor, packed: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")
    return product
