"""Training a head alone: the frozen body's last states of each row are computed once, not once an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from auditkit.schema.event import Event, OnEvent

Batch = dict[str, Any]
MOST_BYTES = 2 << 30
"""Most memory for the body's states; where they need more, every epoch runs the body again."""
_TOLERANCE = 1e-4


class StateMemory(torch.nn.Module):  # type: ignore[misc]
    """Stands in for a body: every position of `input_ids` holds the row's number."""

    def __init__(self, states: list[torch.Tensor], pooled: list[torch.Tensor]) -> None:
        """Args: a row's last hidden states, each (L, D); its pooled state (D,), or none for any row."""
        super().__init__()
        self._states = states
        self._pooled = pooled

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        """The body's output, (B, L, D), padded with zeros on the right."""
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        rows, device = input_ids[:, 0].tolist(), input_ids.device
        states = pad_sequence([self._states[row] for row in rows], batch_first=True).to(device)
        pooled = torch.stack([self._pooled[row] for row in rows]).to(device) if self._pooled else None
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=pooled)


def freeze(model: Any, new: Sequence[str]) -> bool:
    """Freeze what came with the base model; what is new, and the head, learns.

    Args:
        model: with its new head.
        new: names of the parameters that were not in the base's weights.

    Returns:
        Whether all of the body is frozen.
    """
    body, fresh = f"{model.base_model_prefix}.", set(new)
    all_frozen = True
    for name, parameter in model.named_parameters():
        learns = name in fresh or not name.startswith(body)
        parameter.requires_grad_(learns)
        all_frozen = all_frozen and not (learns and name.startswith(body))
    module = model.base_model
    if module is not model:
        module.eval()
        # no dropout in a frozen body: it stays in evaluation mode whatever the trainer sets
        module.train = lambda mode=True: module
    return all_frozen


@contextmanager
def states_in_place_of_body(
    model: Any, features: Sequence[Batch], collate: Callable[[Sequence[Batch]], Batch], on_event: OnEvent
) -> Iterator[list[Batch] | None]:
    """Put the frozen body's last states in its place while open.

    Args:
        model: its body is wholly frozen.
        features: encoded rows, with `input_ids`.
        collate: makes a batch of rows.
        on_event: told of progress.

    Yields:
        The rows with their numbers in place of their token ids; `None`, and the model untouched, where memory does
        not suffice or the head reads more of the body than its last states (found out by comparing the answers).
    """
    prefix = model.base_model_prefix
    body = getattr(model, prefix, None)
    width = getattr(model.config.get_text_config(), "hidden_size", 0)
    need = sum(len(row["input_ids"]) for row in features) * width * 4
    if body is None or not width or need > MOST_BYTES:
        yield None
        return
    memory = _remember(model, body, features, collate, on_event)
    numbered = [{**row, "input_ids": [number] * len(row["input_ids"])} for number, row in enumerate(features)]
    sample = range(0, len(features), max(1, len(features) // 8))
    before = _logits(model, collate([features[row] for row in sample]))
    setattr(model, prefix, memory)
    try:
        yield numbered if _same(model, collate([numbered[row] for row in sample]), before) else None
    finally:
        setattr(model, prefix, body)


def _remember(
    model: Any, body: Any, features: Sequence[Batch], collate: Callable[[Sequence[Batch]], Batch], on_event: OnEvent
) -> StateMemory:
    states: list[torch.Tensor | None] = [None] * len(features)
    pooled: list[torch.Tensor | None] = [None] * len(features)
    order = sorted(range(len(features)), key=lambda row: len(features[row]["input_ids"]))
    model.eval()
    for begin in range(0, len(order), 32):
        rows = order[begin : begin + 32]
        batch = {name: value.to(model.device) for name, value in collate([features[row] for row in rows]).items()}
        batch.pop("labels", None)
        with torch.no_grad():
            output = body(**batch)
        for place, row in enumerate(rows):
            states[row] = output[0][place, : len(features[row]["input_ids"])].float().cpu().clone()
            if output.get("pooler_output") is not None:
                pooled[row] = output.pooler_output[place].float().cpu()
        on_event(Event("encode", "rows through the frozen body, once", begin + len(rows), len(order)))
    return StateMemory(
        [state for state in states if state is not None], [state for state in pooled if state is not None]
    )


def _logits(model: Any, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        inputs = {name: value.to(model.device) for name, value in batch.items() if name != "labels"}
        return torch.as_tensor(model(**inputs).logits)


def _same(model: Any, batch: Batch, before: torch.Tensor) -> bool:
    try:
        after = _logits(model, batch)
    except Exception:  # noqa: BLE001 - a head that needs more than the last states fails in its own way
        return False
    return after.shape == before.shape and bool(torch.allclose(after, before, rtol=_TOLERANCE, atol=_TOLERANCE))
