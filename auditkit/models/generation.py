"""Free text from a decoder: left padding, explicit positions, one key/value cache, one generator a row."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auditkit.models.adapter import Encoded
from auditkit.models.checkpoint import Checkpoint
from auditkit.models.device import out_of_memory
from auditkit.models.scoring import Head
from auditkit.schema import Generation, Output, digest

if TYPE_CHECKING:
    import torch


@dataclass
class Row:
    """One text being written."""

    encoded: Encoded
    settings: Generation
    chance: random.Random
    """Seeded by the request's hash, which holds the draw: sampling does not depend on batches."""
    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish: str | None = None

    def add(self, token: int, ends: frozenset[int], tokenizer: Any) -> None:
        """Append a token, and finish at an end token, a stop string or the limit."""
        if token in ends:
            self.finish = "stop"
            return
        self.ids.append(token)
        self.text = str(tokenizer.decode(self.ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
        found = [at for stop in self.settings.stop if stop and (at := self.text.find(stop)) >= 0]
        if found:
            self.text, self.finish = self.text[: min(found)], "stop"
        elif len(self.ids) >= self.settings.max_tokens:
            self.finish = "length"


def generate(checkpoint: Checkpoint, head: Head, batch: Sequence[Encoded]) -> Iterator[Output]:
    """Write one text a request, in order. Greedy at temperature 0, else sampled from the full distribution."""
    rows = [
        Row(each, settings, random.Random(int(each.request.sha256, 16)))  # noqa: S311 (not for secrets)
        for each in batch
        for settings in [each.request.generation or Generation()]
    ]
    ordered = sorted(rows, key=lambda row: len(row.encoded.sequences[0].ids))
    for group in _groups(ordered, checkpoint.batch_tokens):
        _write(checkpoint, head, group)
    return iter([_output(row) for row in rows])


def _groups(rows: Sequence[Row], budget: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        if group and len(row.encoded.sequences[0].ids) * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _write(checkpoint: Checkpoint, head: Head, rows: list[Row]) -> None:
    """Write a group; halve it where memory does not suffice."""
    try:
        _decode(checkpoint, head, rows)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error) or len(rows) == 1:
            raise
        for row in rows:
            row.ids, row.text, row.finish = [], "", None
            row.chance.seed(int(row.encoded.request.sha256, 16))
        _write(checkpoint, head, rows[: len(rows) // 2])
        _write(checkpoint, head, rows[len(rows) // 2 :])


def _decode(checkpoint: Checkpoint, head: Head, rows: list[Row]) -> None:
    import torch

    device, ends = checkpoint.device, end_ids(checkpoint)
    prompts = [row.encoded.sequences[0].ids for row in rows]
    length = max(len(ids) for ids in prompts)
    tokens = torch.tensor([[checkpoint.pad] * (length - len(ids)) + list(ids) for ids in prompts], device=device)
    mask = torch.tensor([[0] * (length - len(ids)) + [1] * len(ids) for ids in prompts], device=device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    cache, active = None, rows
    while active:
        inputs = {"input_ids": tokens, "attention_mask": mask, "past_key_values": cache}
        if checkpoint.accepts_positions:
            inputs["position_ids"] = positions
        index = torch.arange(len(active), device=device)
        logits, cache = head.last(index, torch.full_like(index, tokens.shape[1] - 1), **inputs)
        chosen = [choose(row, values) for row, values in zip(active, logits, strict=True)]
        for row, token in zip(active, chosen, strict=True):
            row.add(token, ends, checkpoint.tokenizer)
        alive = [at for at, row in enumerate(active) if row.finish is None]
        if not alive:
            return
        if len(alive) < len(active):
            keep = torch.tensor(alive, device=device)
            cache.batch_select_indices(keep)
            mask, positions = mask[keep], positions[keep]
        active = [active[at] for at in alive]
        tokens = torch.tensor([[chosen[at]] for at in alive], device=device)
        mask = torch.cat([mask, mask.new_ones((len(active), 1))], dim=-1)
        positions = positions[:, -1:] + 1


def choose(row: Row, logits: torch.Tensor) -> int:
    """The next token from logits (V,): the greatest, or the inverse of the cumulated distribution at one uniform.

    Raises:
        RuntimeError: the logits hold no finite greatest value.
    """
    if not bool(logits.max().isfinite()):
        raise RuntimeError("the model gave logits that are no finite numbers; use dtype: float32")
    if row.settings.temperature <= 0:
        return int(logits.argmax())
    weights = (logits.cpu().double() / row.settings.temperature).softmax(-1).cumsum(-1)
    return int((weights < row.chance.random() * float(weights[-1])).sum())


def end_ids(checkpoint: Checkpoint) -> frozenset[int]:
    """Ids that end a text: the generation config's, and the tokenizer's EOS."""
    named = getattr(getattr(checkpoint.model, "generation_config", None), "eos_token_id", None)
    ids = list(named) if isinstance(named, (list, tuple)) else [named]
    return frozenset(value for value in [*ids, checkpoint.tokenizer.eos_token_id] if isinstance(value, int))


def _output(row: Row) -> Output:
    ids = row.encoded.sequences[0].ids
    return Output(
        request=row.encoded.request.sha256,
        rule=row.encoded.request.rule,
        text=row.text,
        input_sha256=digest([list(ids)]),
        truncated=row.encoded.truncated,
        finish_reason=row.finish,
        prompt_tokens=len(ids),
        completion_tokens=len(row.ids),
    )
