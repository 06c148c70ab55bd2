"""A key/value cache for rows that come and go: allocated once, right-aligned, finished rows overwritten.

Three rows while the second one, which came later, has its prompt further to the right (`.` masked, `p` prompt, `w`
written):

    p p p p w w w
    . . . p p w w
    . p p p w w w

Its texts are tested against step-by-step decoding with the model's own cache. It can be removed: `causal.generation`
writes an architecture whose cache is not a plain one (`shareable`) group by group, without it. Imported only where
torch and transformers are needed anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class SlotLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, shape (rows, heads, columns, width), as views of storage with room for more."""

    def __init__(self, layers: Sequence[DynamicLayer], slots: int, columns: int) -> None:
        """Reserve storage; no row or column is in use yet.

        Args:
            layers: filled layers, whose first gives heads, width, dtype and device.
            slots: most rows.
            columns: most columns.
        """
        super().__init__()
        like = layers[0]
        assert like.keys is not None
        assert like.values is not None
        self.dtype, self.device, self.is_initialized = like.keys.dtype, like.keys.device, True
        self._storage = [
            torch.zeros((slots, states.shape[1], columns, states.shape[3]), dtype=states.dtype, device=states.device)
            for states in (like.keys, like.values)
        ]
        self.show(0, 0)

    def show(self, rows: int, columns: int) -> None:
        """Make the first rows and columns of the storage what the model sees."""
        self._rows = rows
        self.keys, self.values = (storage[:rows, :, :columns] for storage in self._storage)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns in place."""
        begin = self.keys.shape[2]
        end = begin + key_states.shape[2]
        for storage, states in zip(self._storage, (key_states, value_states), strict=True):
            storage[: self._rows, :, begin:end] = states
        self.show(self._rows, end)
        return self.keys, self.values

    def move(self, source: int, target: int) -> None:
        """Overwrite a row by another."""
        for storage in self._storage:
            storage[target] = storage[source]

    def put(self, layer: DynamicLayer, row: int, start: int) -> None:
        """Write another layer's rows from `row` on, its columns from `start` on."""
        for storage, states in zip(self._storage, (layer.keys, layer.values), strict=True):
            storage[row : row + states.shape[0], :, start : start + states.shape[2]] = states

    def shift(self, by: int, rows: int, columns: int) -> None:
        """Drop the first `by` of the columns in use."""
        for storage in self._storage:
            # source and target overlap
            storage[:rows, :, : columns - by] = storage[:rows, :, by:columns].clone()


class Slots:
    """Rows being written: cache, mask and positions.

    All rows end in the same column; what lies before a row's beginning is masked.
    """

    def __init__(self, device: torch.device, slots: int, columns: int) -> None:
        """Reserve mask and lengths; the cache is made when the first rows are admitted.

        Args:
            device: of the model.
            slots: most rows.
            columns: most columns, prompts included.
        """
        self.size, self._width = slots, columns
        self.rows = self.columns = 0
        self.cache: Any = None
        self._mask = torch.zeros((slots, columns), dtype=torch.long, device=device)
        self._lengths = torch.zeros(slots, dtype=torch.long, device=device)

    @property
    def free(self) -> int:
        """Rows that can be admitted."""
        return self.size - self.rows

    def admit(self, cache: Any, mask: torch.Tensor) -> None:
        """Take rows with their encoded, left-padded prompts: mask (B, L).

        Raises:
            ValueError: the prompts are longer than the columns in use.
        """
        count, length = mask.shape
        if self.cache is None:
            layers = [SlotLayer([layer], self.size, self._width) for layer in cache.layers]
            self.cache = DynamicCache()
            self.cache.layers = layers
        if not self.rows:
            self.columns = length
        # right-aligned: a prompt ends in the column in which the others were written last
        if length > self.columns:
            raise ValueError("the longest prompts come first")
        start = self.columns - length
        for layer, admitted in zip(self.cache.layers, cache.layers, strict=True):
            layer.put(admitted, self.rows, start)
        rows = slice(self.rows, self.rows + count)
        self._mask[rows] = 0
        self._mask[rows, start : self.columns] = mask
        self._lengths[rows] = mask.sum(-1)
        self.rows += count
        self._show()

    def leave(self, row: int) -> None:
        """Remove a row; the last one takes its place."""
        self.rows -= 1
        if row != self.rows:
            for layer in self.cache.layers:
                layer.move(self.rows, row)
            self._mask[row] = self._mask[self.rows]
            self._lengths[row] = self._lengths[self.rows]
        self._show()

    def step(self) -> dict[str, Any]:
        """Inputs of the next step, one token a row: mask (B, columns + 1) and positions (B, 1)."""
        if self.columns == self._width:
            self._drop_empty()
        self._mask[: self.rows, self.columns] = 1
        # positions count a row's own tokens, not the columns
        positions = self._lengths[: self.rows, None].clone()
        self._lengths[: self.rows] += 1
        self.columns += 1
        return {
            "attention_mask": self._mask[: self.rows, : self.columns], "position_ids": positions,
            "past_key_values": self.cache,
        }

    def _drop_empty(self) -> None:
        """Drop the first columns, in which no row has begun."""
        by = self.columns - int(self._lengths[: self.rows].max())
        if by <= 0:
            raise ValueError("no column is left; a row is longer than was planned for")
        for layer in self.cache.layers:
            layer.shift(by, self.rows, self.columns)
        self._mask[:, : self.columns - by] = self._mask[:, by : self.columns].clone()
        self.columns -= by
        self._show()

    def _show(self) -> None:
        for layer in self.cache.layers:
            layer.show(self.rows, self.columns)


def shareable(cache: Any) -> bool:
    """Whether every layer of a cache is a plain one, which grows by a column a token."""
    return bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers)


def bytes_a_token(cache: Any) -> int:
    """Bytes that one token of one row takes in a cache."""
    return sum(
        states.shape[1] * states.shape[3] * states.element_size()
        for layer in cache.layers for states in (layer.keys, layer.values)
    )
