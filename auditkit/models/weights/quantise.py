"""Dynamic int8: weights and activations of linear layers in 8 bits, on the CPU.

By torchao, not by torch.ao: torchao scales each token's activations by themselves, so that an answer does not depend on
the batch beyond rounding, where torch.ao scales a whole tensor; and torch.ao's is deprecated. But rounding to 8 bits
turns the last digits of float32, which do depend on the batch, into steps: answers of an int8 model vary with their
batch about as much as they differ from the model that is not quantised.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from auditkit import registry
from auditkit.errors import ModelError

if TYPE_CHECKING:
    import torch

INT8 = "int8 dynamic"
"""How the subject's `quantisation` begins."""


def quantise(model: Any, device: torch.device) -> str:
    """Replace the weights of a model's linear layers by int8, in place.

    Args:
        model: a transformers model, in evaluation mode.
        device: where it lies; only a CPU is supported.

    Returns:
        What was done, and to which layers.

    Raises:
        ModelError: torchao is missing, the device is not a CPU, or the model has no linear layer.
    """
    from torch import nn

    if reason := registry.missing("quantise"):
        raise ModelError(f"quantise: int8: {reason}")
    if device.type != "cpu":
        raise ModelError(f"quantise: int8 works on a CPU, not on {device.type}; use device: cpu")
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    _linear_from_conv1d(model)
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not names:
        raise ModelError("quantise: int8: this model has no linear layer; leave quantise out")
    quantize_(model, Int8DynamicActivationInt8WeightConfig(), filter_fn=lambda module, _: isinstance(module, nn.Linear))
    return f"{INT8}, torchao {version('torchao')}: {_described(names)}"


def _linear_from_conv1d(model: Any) -> None:
    """GPT-2's Conv1D is a linear layer with its weight transposed; as such it is quantised too."""
    import torch
    from transformers.pytorch_utils import Conv1D

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv1D):
                rows, columns = child.weight.shape
                linear = torch.nn.Linear(rows, columns, dtype=child.weight.dtype, device="meta")
                linear.weight = torch.nn.Parameter(child.weight.T.contiguous(), requires_grad=False)
                linear.bias = child.bias
                setattr(parent, name, linear.eval())


def _described(names: list[str]) -> str:
    """Names of layers with their numbers taken out, and how many there are of each."""
    counts: dict[str, int] = {}
    for name in names:
        short = re.sub(r"(?<=\.)\d+(?=\.)", "*", name)
        counts[short] = counts.get(short, 0) + 1
    return f"{len(names)} linear layers ({', '.join(f'{name} × {count}' for name, count in counts.items())})"
