"""The key/value cache of a beginning that many rows share.

A piece of `tree`: `causal.scoring` compares it with the plain forward on each model together with the tree, and a model
that does not take it reads rows without. It can be removed: rows whose `Cut` names no header need none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from auditkit.models.device import to_device
from auditkit.models.speed.tree import Cut, FlatRow, lay_out
from auditkit.models.tokens.batches import Ids
from auditkit.models.weights.checkpoint import Checkpoint


class PrefixCache:
    """The header of the rows that are being read. One is kept, and grown or cropped as rows need it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Begin with an empty cache."""
        self._checkpoint = checkpoint
        self._ids: Ids = ()
        self._cuts: tuple[int, ...] = ()
        self._cache: Any = None

    @contextmanager
    def extended(self, cut: Cut, reading: Callable[[FlatRow], AbstractContextManager[Any]]) -> Iterator[Any]:
        """A cache that holds the header of a row, or `None`; afterwards it holds that header again.

        It is encoded in the steps that the row names, so that a kept cache and a new one hold the same numbers.
        """
        if not cut.headers:
            yield None
            return
        ids = cut.sequences[0][: cut.past]
        try:
            self._fit(ids, cut.headers)
            while len(self._cuts) < len(cut.headers):
                self._extend(ids, cut.headers[len(self._cuts)], reading)
            yield self._cache
            # what the row itself added goes again (negative: from the end)
            self._cache.crop(cut.past - self._cache.get_seq_length())
        except BaseException:  # half an extension is of no use
            self._ids, self._cuts, self._cache = (), (), None
            raise

    def _fit(self, ids: Ids, cuts: tuple[int, ...]) -> None:
        """Crop the cache to what it shares with a header, step for step."""
        from transformers import DynamicCache

        shared = 0
        for end, end_in_row in zip(self._cuts, cuts, strict=False):
            if end != end_in_row or self._ids[:end] != ids[:end]:
                break
            shared = end
        if not shared:
            self._cache = DynamicCache()  # plain layers: no text in a tree outgrows a sliding window
        elif shared < len(self._ids):
            self._cache.crop(shared - len(self._ids))
        self._ids, self._cuts = ids[:shared], tuple(end for end in self._cuts if end <= shared)

    def _extend(self, ids: Ids, end: int, reading: Callable[[FlatRow], AbstractContextManager[Any]]) -> None:
        row, device = lay_out([ids[:end]], len(self._ids)), self._checkpoint.device
        with reading(row) as mask:
            self._checkpoint.model.base_model(
                input_ids=to_device([row.ids], device),
                position_ids=to_device([row.depths], device),
                past_key_values=self._cache, use_cache=True, **mask,
            )
        self._ids, self._cuts = ids[:end], (*self._cuts, end)
