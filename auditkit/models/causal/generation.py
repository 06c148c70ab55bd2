"""Free text from a decoder: left padding, explicit positions, one generator a row.

The longest prompts come first; rows that are finished leave at once, and waiting ones take their places, so that a
step reads as many rows as fit. The cache is allocated once. An architecture whose cache does not grow by a column a
token (sliding window, state space) is written group by group with a cache of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditkit.models.adapter import Encoded
from auditkit.models.device import out_of_memory, to_device
from auditkit.models.speed.head import Head
from auditkit.models.tokens.drafts import NOT_FINITE, Draft, choose, end_ids, written_output
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output

if TYPE_CHECKING:
    import torch

SLOTS = 64
"""Rows written at once: matrix products of more rows are hardly faster on a CPU."""

CACHE_BYTES = 1 << 30
"""Most bytes of the key/value cache, as far as more than one row is written."""

_SPARE = 64
"""Columns of the cache beyond the longest text, so that columns seldom have to be moved."""


def generate(checkpoint: Checkpoint, head: Head, batch: Sequence[Encoded]) -> Iterator[Output]:
    """Write one text a request, in order. Greedy at temperature 0, else sampled from the full distribution."""
    rows = [Draft.of(encoded) for encoded in batch]
    writer = _Writer(checkpoint, head)
    writer.write(sorted(rows, key=lambda row: len(row.prompt), reverse=True), SLOTS)
    return iter([written_output(row) for row in rows])


class _Writer:
    """Writes rows with one model."""

    def __init__(self, checkpoint: Checkpoint, head: Head) -> None:
        self._checkpoint, self._head = checkpoint, head
        self._ends = end_ids(checkpoint)

    def write(self, rows: Sequence[Draft], slots: int) -> None:
        """Write rows, the longest prompt first; with half the slots where memory does not suffice.

        Raises:
            RuntimeError: not even one row fits into memory.
        """
        unfinished = list(rows)
        while unfinished:
            try:
                self._write(unfinished, slots)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or slots == 1:
                    raise
                slots = max(1, min(slots, len(unfinished)) // 2)
            unfinished = [row.restart() for row in unfinished if row.finish is None]

    def _write(self, rows: Sequence[Draft], slots: int) -> None:
        """Write rows until all are finished, or until the first group is where the cache cannot take others."""
        waiting = list(rows)
        group = self._next(waiting, slots)
        if not group:
            return
        from auditkit.models.speed.slots import Slots, bytes_a_token, shareable

        cache, mask, logits = self._read(group)
        if not shareable(cache):
            self._write_group(group, cache, mask, logits)
            return
        longest = max(len(row.prompt) + row.settings.max_tokens for row in rows)
        fit = CACHE_BYTES // max(1, bytes_a_token(cache) * longest)
        count = min(slots, len(rows), max(fit, len(group)))
        # with fewer slots than rows, replaced rows leave columns empty that are dropped only now and then
        columns = longest + (1 if count == len(rows) else _SPARE)
        places = Slots(self._checkpoint.device, count, columns)
        active: list[Draft] = []
        tokens = self._admit(places, group, active, (cache, mask, logits), None)
        while active:
            # a quarter of the slots is filled at once: prompts that are read together cost less
            while places.free and waiting and (places.free * 4 >= places.size or not active):
                group = self._next(waiting, places.free)
                tokens = self._admit(places, group, active, self._read(group), tokens)
            if active:
                tokens = self._step(places, active, tokens)

    def _next(self, waiting: list[Draft], slots: int) -> list[Draft]:
        """Take the next rows whose prompts fit into one forward pass, at least one."""
        budget = self._checkpoint.batch_tokens
        count = max(1, min(slots, len(waiting), budget // len(waiting[0].prompt)))
        group = waiting[:count]
        del waiting[:count]
        return group

    def _read(self, rows: Sequence[Draft]) -> tuple[Any, torch.Tensor, torch.Tensor]:
        """Encode prompts: the cache, the mask (B, L) and the logits (B, V) of what comes first."""
        from transformers import DynamicCache

        device, length = self._checkpoint.device, max(len(row.prompt) for row in rows)
        gaps = [length - len(row.prompt) for row in rows]
        pads = [[self._checkpoint.pad] * gap for gap in gaps]
        tokens = to_device([pad + list(row.prompt) for pad, row in zip(pads, rows, strict=True)], device)
        mask = to_device([[0] * gap + [1] * (length - gap) for gap in gaps], device)
        cache = DynamicCache(config=self._checkpoint.model.config)
        inputs = {"input_ids": tokens, "attention_mask": mask, "past_key_values": cache}
        logits, cache = self._logits(inputs, (mask.cumsum(-1) - 1).clamp(min=0))
        return cache, mask, logits

    def _logits(self, inputs: dict[str, Any], positions: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Logits of the last position (B, V), and the cache."""
        import torch

        if self._checkpoint.accepts_positions:
            inputs = {**inputs, "position_ids": positions}
        count, length = inputs["input_ids"].shape
        index = torch.arange(count, device=self._checkpoint.device)
        return self._head.last(index, torch.full_like(index, length - 1), **inputs)

    def _admit(
        self, places: Any, group: list[Draft], active: list[Draft], read: tuple[Any, torch.Tensor, torch.Tensor],
        tokens: torch.Tensor | None,
    ) -> torch.Tensor:
        """Put rows into free places with their first token; those that are finished leave at once."""
        import torch

        cache, mask, logits = read
        places.admit(cache, mask)
        first = self._choose(group, logits)
        active += group
        return self._leave(places, active, first if tokens is None else torch.cat([tokens, first]))

    def _step(self, places: Any, active: list[Draft], tokens: torch.Tensor) -> torch.Tensor:
        """Write one token of each row."""
        inputs = places.step()
        positions = inputs.pop("position_ids")
        logits, _ = self._logits({"input_ids": tokens[:, None], **inputs}, positions)
        return self._leave(places, active, self._choose(active, logits))

    def _leave(self, places: Any, active: list[Draft], tokens: torch.Tensor) -> torch.Tensor:
        """Let finished rows go; the last row takes the place of each."""
        order = list(range(len(active)))
        for index in range(len(active) - 1, -1, -1):
            if active[index].finish is not None:
                places.leave(index)
                active[index], order[index] = active[-1], order[-1]
                del active[-1], order[-1]
        return tokens[order]

    def _choose(self, rows: Sequence[Draft], logits: torch.Tensor) -> torch.Tensor:
        """The next token of each row (B,), added to it."""
        greatest, tokens = logits.max(-1)
        if not bool(greatest.isfinite().all()):
            raise RuntimeError(NOT_FINITE)
        chosen = tokens.tolist()
        for index, row in enumerate(rows):
            if row.settings.temperature > 0:
                chosen[index] = choose(row, logits[index])
            row.add(chosen[index], self._ends, self._checkpoint.tokenizer)
        return to_device(chosen, logits.device)

    def _write_group(self, rows: list[Draft], cache: Any, mask: torch.Tensor, logits: torch.Tensor) -> None:
        """Write a group to its end with the model's own cache."""
        import torch

        active, tokens = rows, self._choose(rows, logits)
        positions = mask.sum(-1, keepdim=True)
        while alive := [index for index, row in enumerate(active) if row.finish is None]:
            if len(alive) < len(active):
                keep = to_device(alive, mask.device)
                cache.batch_select_indices(keep)
                mask, positions, tokens = mask[keep], positions[keep], tokens[keep]
                active = [active[index] for index in alive]
            mask = torch.cat([mask, mask.new_ones((len(active), 1))], dim=-1)
            inputs = {"input_ids": tokens[:, None], "attention_mask": mask, "past_key_values": cache}
            logits, cache = self._logits(inputs, positions)
            tokens, positions = self._choose(active, logits), positions + 1
