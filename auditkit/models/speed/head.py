"""A model's own head on some positions only, and log-probabilities from its logits.

Checked on each model before its first use (`_body`), and removable: without a body that passes, the model computes all
logits, and those at the positions are picked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from auditkit.models.device import to_device
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.models.weights.quantise import INT8

if TYPE_CHECKING:
    import torch

REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError, KeyError)
"""What models raise when they are asked what they cannot do."""

_HEAD_ROWS = 16
_TOLERANCE = 1e-4
_COARSE_TOLERANCE = 5e-2


class Head:
    """The model's own head on some positions only, soft-capping, scaling and dense layers included.

    A forward hook on the body hands the model only the hidden states at those positions; so the logits equal the
    model's own by construction, in every family. The first use compares both; where they differ, or the model has
    no separate body, the full logits are computed and then picked.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind the model, and find the body that can be hooked."""
        self._model = checkpoint.model
        self._body = _body(checkpoint)
        self._narrow = self._body is not None

    def logits(self, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Logits of shape (S, V) at the S positions (rows[i], columns[i]) of the batch."""
        logits: torch.Tensor
        if not self._narrow:
            logits = self._model(**inputs).logits[rows, columns]
            return logits
        with narrowed(self._body, rows, columns):
            logits = self._model(**inputs).logits[0]
        return logits

    def last(self, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> tuple[torch.Tensor, Any]:
        """The same with a key/value cache: logits (S, V) and the cache."""
        if not self._narrow:
            output = self._model(use_cache=True, **inputs)
            return output.logits[rows, columns], output.past_key_values
        with narrowed(self._body, rows, columns):
            output = self._model(use_cache=True, **inputs)
        return output.logits[0], output.past_key_values


@contextmanager
def narrowed(body: Any, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
    """While open, the body's last hidden state (B, L, D) leaves it as (1, S, D): those at the S positions."""

    def pick(_module: Any, _args: Any, output: Any) -> Any:
        """The output with the states at the positions alone."""
        picked = output[0][rows, columns].unsqueeze(0)
        if isinstance(output, tuple):
            return (picked, *output[1:])
        output["last_hidden_state"] = picked
        return output

    handle = body.register_forward_hook(pick)
    try:
        yield
    finally:
        handle.remove()


def _body(checkpoint: Checkpoint) -> Any:
    """The module whose output the model's head reads, as both ways to the logits prove; `None` if there is none."""
    import torch

    count = 8
    ids = (torch.arange(3, 3 + count, device=checkpoint.device) % checkpoint.vocabulary).repeat(2, 1)
    rows = torch.tensor([0, 1, 1], device=checkpoint.device)
    columns = torch.tensor([2, 0, count - 1], device=checkpoint.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    model = checkpoint.model
    with torch.inference_mode():
        full = model(**inputs).logits[rows, columns].float()
        for body in (model.base_model, getattr(model.base_model, "decoder", None)):  # OPT's head reads the decoder
            if body is None or body is model:
                continue
            try:
                with narrowed(body, rows, columns):
                    narrow = model(**inputs).logits[0].float()
            except REFUSALS:
                continue
            if narrow.shape == full.shape and bool((narrow - full).abs().max() <= tolerance(full, checkpoint)):
                return body
    return None


def tolerance(values: torch.Tensor, checkpoint: Checkpoint) -> float:
    """Largest difference that rounding explains, in the precision of the weights and activations."""
    import torch

    exact = checkpoint.model.dtype in (torch.float32, torch.float64)
    exact = exact and INT8 not in checkpoint.subject.parts.get("quantisation", "")
    return (_TOLERANCE if exact else _COARSE_TOLERANCE) * max(1.0, float(values.abs().max()))


def gather_logprobs(logits: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probabilities in float32 (N,): of token targets[i] in row rows[i] of logits (S, V).

    The normaliser is computed in blocks of rows, so that no second matrix of the logits' size is made. It comes from
    `log_softmax`, since torch's `logsumexp` takes several times as long on a CPU.
    """
    import torch

    blocks = [block.float() for block in logits.split(_HEAD_ROWS)]
    normaliser = torch.cat([block.amax(-1) - block.log_softmax(-1).amax(-1) for block in blocks])
    return logits[rows, targets].float() - normaliser[rows]


def pick_logprobs(
    head: Head,
    inputs: Mapping[str, torch.Tensor],
    places: Sequence[tuple[int, int]],
    targets: Sequence[int],
    device: torch.device,
    **extra: Any,
) -> list[float]:
    """Log-probability of targets[i] at places[i] = (row, column); the head runs once a distinct place."""
    distinct = {place: number for number, place in enumerate(dict.fromkeys(places))}
    rows, columns = (to_device(axis, device) for axis in zip(*distinct, strict=True))
    logits = head.logits(rows, columns, **inputs, **extra)
    index = to_device([distinct[place] for place in places], device)
    values = gather_logprobs(logits, index, to_device(targets, device))
    return list(values.double().tolist())
