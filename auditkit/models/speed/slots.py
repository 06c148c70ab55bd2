"""A key/value cache for rows that come and go: allocated once, right-aligned, finished rows overwritten.

Imported only where torch and transformers are needed anyway.
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
            torch.zeros((slots, each.shape[1], columns, each.shape[3]), dtype=each.dtype, device=each.device)
            for each in (like.keys, like.values)
        ]
        self.look(0, 0)

    def look(self, rows: int, columns: int) -> None:
        """Show the first rows and columns."""
        self._rows = rows
        self.keys, self.values = (each[:rows, :, :columns] for each in self._storage)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns in place."""
        begin = self.keys.shape[2]
        end = begin + key_states.shape[2]
        for storage, states in zip(self._storage, (key_states, value_states), strict=True):
            storage[: self._rows, :, begin:end] = states
        self.look(self._rows, end)
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
        if length > self.columns:
            raise ValueError("the longest prompts come first")
        start = self.columns - length
        for mine, other in zip(self.cache.layers, cache.layers, strict=True):
            mine.put(other, self.rows, start)
        new = slice(self.rows, self.rows + count)
        self._mask[new] = 0
        self._mask[new, start : self.columns] = mask
        self._lengths[new] = mask.sum(-1)
        self.rows += count
        self._look()

    def leave(self, row: int) -> None:
        """Remove a row; the last one takes its place."""
        self.rows -= 1
        if row != self.rows:
            for layer in self.cache.layers:
                layer.move(self.rows, row)
            self._mask[row] = self._mask[self.rows]
            self._lengths[row] = self._lengths[self.rows]
        self._look()

    def step(self) -> dict[str, Any]:
        """Inputs of the next step, one token a row: mask (B, columns + 1) and positions (B, 1)."""
        if self.columns == self._width:
            self._drop_empty()
        self._mask[: self.rows, self.columns] = 1
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
        self._look()

    def _look(self) -> None:
        for layer in self.cache.layers:
            layer.look(self.rows, self.columns)


def shareable(cache: Any) -> bool:
    """Whether every layer of a cache is a plain one, which grows by a column a token."""
    return bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers)


def bytes_a_token(cache: Any) -> int:
    """Bytes that one token of one row takes in a cache."""
    return sum(
        each.shape[1] * each.shape[3] * each.element_size()
        for layer in cache.layers for each in (layer.keys, layer.values)
    )
