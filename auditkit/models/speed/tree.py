"""Token trees: every beginning that texts share is read once.

Sorted sequences are cut into rows of at most a budget of tokens (nodes). What all of a row's sequences share and
what does not fit is encoded first into a key/value cache, its header; the rest lies flat, subtree after subtree, and
each subtree attends to the header, to the row's stem (what all of the row shares) and to itself.

`causal.scoring` compares a small tree with two plain forwards on each model before it trusts this. It can be removed:
then every text is read by itself, in padded rows.

The texts `a b c d` and `a b e` become, without a header:

    nodes     a b c d e
    depths    0 1 2 3 2
    blocks    [a b] is the stem; [c d e] attends to the stem, d also to c, and e to neither of them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.models.adapter import common_prefix
from auditkit.models.device import to_device
from auditkit.models.tokens.batches import Ids

if TYPE_CHECKING:
    import torch

HEADER_STEP = 32
"""Headers end at multiples of this many tokens, so that batches whose texts share slightly more or less of their
beginning share a header."""

HEADER_LEAST = 64
"""Shorter beginnings are read again with each row: a pass of their own would cost more."""

_BLOCK = 64
"""Small subtrees are attended to together, up to so many tokens: fewer calls, a little more masking."""

_NAME = "auditkit_tree"


@dataclass(frozen=True)
class Cut:
    """One row: what is read in one forward pass."""

    sequences: list[Ids]
    """Sorted."""
    headers: tuple[int, ...]
    """Ascending lengths at which the sequences' shared beginning is encoded into the cache, step by step."""

    @property
    def past(self) -> int:
        """Tokens that the cache holds."""
        return self.headers[-1] if self.headers else 0


@dataclass(frozen=True)
class Block:
    """Neighbouring nodes that attend to the header, the stem and one another, and to nothing else."""

    start: int
    end: int
    mask: np.ndarray
    """Boolean (end - start, stem + end - start): may attend. The stem's own block has no stem before it."""


@dataclass(frozen=True)
class FlatRow:
    """Several sequences as one token tree, without what the header holds."""

    ids: list[int]
    depths: list[int]
    """Position of each node in its text."""
    nodes: dict[Ids, np.ndarray]
    """Sequence to the node of each of its tokens, from the header's end on."""
    past: int
    """Tokens of the header."""
    stem: int
    """Nodes that all sequences share."""
    blocks: list[Block]

    def mask(self) -> np.ndarray:
        """Boolean (T, past + T): may attend, i.e. in the header, an ancestor or itself."""
        size = len(self.ids)
        mask = np.zeros((size, self.past + size), dtype=bool)
        mask[:, : self.past] = True
        for block in self.blocks:
            rows = slice(block.start, block.end)
            stem = block.mask.shape[1] - (block.end - block.start)
            mask[rows, self.past : self.past + stem] = block.mask[:, :stem]
            mask[rows, self.past + block.start : self.past + block.end] = block.mask[:, stem:]
        return mask


Segment = tuple[int, int, np.ndarray]
"""First node and end of what one text adds to the tree, and its ancestors: the nodes that it goes on from."""


def lay_out(sequences: Sequence[Ids], past: int = 0) -> FlatRow:
    """A token tree of sorted sequences, without their first `past` tokens, which they share."""
    ids: list[int] = []
    depths: list[int] = []
    nodes: dict[Ids, np.ndarray] = {}
    segments: list[Segment] = []
    # the first and the last of sorted texts differ the most: what they share, all share
    stem = common_prefix([sequences[0], sequences[-1]]) - past
    previous = sequences[0][:past]
    path = np.zeros(0, dtype=np.int64)
    for sequence in sequences:
        # texts are sorted, so what a text shares with any before it, it shares with the one just before
        shared = common_prefix([previous, sequence])
        ancestors = path[: shared - past]
        start, end = len(ids), len(ids) + len(sequence) - shared
        ids.extend(sequence[shared:])
        depths.extend(range(shared, len(sequence)))
        if not nodes and 0 < stem < end:  # the stem is a block by itself, which all others attend to
            segments.append((0, stem, ancestors))
            start, ancestors = stem, np.arange(stem)
        segments.append((start, end, ancestors))
        path = np.concatenate([ancestors, np.arange(start, end)])
        nodes[sequence], previous = path, sequence
    return FlatRow(ids, depths, nodes, past, stem, list(_blocks(segments, stem)))


def _blocks(segments: Sequence[Segment], stem: int) -> Iterator[Block]:
    """Blocks of segments, which lie in depth-first order: whole subtrees of the stem, small ones together."""
    group: list[Segment] = []
    for position, segment in enumerate(segments):
        begins_subtree = len(segment[2]) <= stem
        if group and begins_subtree and (
            group[0][0] < stem or _subtree_end(segments, position) - group[0][0] > _BLOCK
        ):
            yield _block(group, stem)
            group = []
        group.append(segment)
    if group:
        yield _block(group, stem)


def _subtree_end(segments: Sequence[Segment], position: int) -> int:
    """Where the subtree that begins with a segment ends."""
    # in depth-first order a subtree ends where a segment has no more ancestors than its root has
    depth = len(segments[position][2])
    for after in range(position + 1, len(segments)):
        if len(segments[after][2]) <= depth:
            return segments[after - 1][1]
    return segments[-1][1]


def _block(group: Sequence[Segment], stem: int) -> Block:
    """One block of segments; its mask has a column for each node of the stem, then one for each of its own."""
    first, last = group[0][0], group[-1][1]
    before = stem if first >= stem else 0
    mask = np.zeros((last - first, before + last - first), dtype=bool)
    for start, end, ancestors in group:
        rows = slice(start - first, end - first)
        # ancestors in the stem keep their column; those in the block lie behind the stem's columns
        mask[rows, np.where(ancestors < before, ancestors, ancestors - first + before)] = True
        # within a segment each node sees those before it and itself
        mask[rows, before + start - first : before + end - first] = np.tri(end - start, dtype=bool)
    return Block(first, last, mask)


def cut_rows(sequences: Sequence[Ids], first: Mapping[Ids, int], budget: int) -> Iterator[Cut]:
    """Cut sorted sequences into rows of at most `budget` nodes (one longer sequence stands alone).

    The rows depend on these sequences only, so that a batch is computed alike whatever came before it.

    Args:
        sequences: distinct, sorted.
        first: sequence to the first position whose output is asked for; a header ends before it.
        budget: nodes of a row, its header excluded.
    """
    if sequences:
        yield from _Cutter(sequences, first, max(1, budget)).rows(0, len(sequences), ())


class _Cutter:
    """Sizes of the subtrees of sorted sequences."""

    def __init__(self, sequences: Sequence[Ids], first: Mapping[Ids, int], budget: int) -> None:
        self._sequences, self._first, self._budget = sequences, first, budget
        self._shared = [0, *(common_prefix(pair) for pair in pairwise(sequences))]
        # a text adds the nodes that it does not share with the one before it, so that a range's size is a difference
        added = [len(sequence) - shared for sequence, shared in zip(sequences, self._shared, strict=True)]
        self._sums = np.concatenate([[0], np.cumsum(added)])

    def rows(self, low: int, high: int, headers: tuple[int, ...]) -> Iterator[Cut]:
        """Rows of sequences[low:high], whose header is encoded as far as `headers` says."""
        past = headers[-1] if headers else 0
        fits = self._nodes(low, high) - past <= self._budget
        # first what all share goes into a header; then the range fits, or it is split at the borders of subtrees
        if high - low > 1 and (end := self._header(low, high, past, fits)):
            yield from self.rows(low, high, (*headers, end))
        elif high - low == 1 or fits:
            yield Cut(list(self._sequences[low:high]), headers)
        else:
            yield from self._split(low, high, headers)

    def _split(self, low: int, high: int, headers: tuple[int, ...]) -> Iterator[Cut]:
        """Fill rows with whole subtrees; one that is too large is cut by itself."""
        stem = min(self._shared[low + 1 : high])
        past = headers[-1] if headers else 0
        row, end = low, low  # the row that is being filled holds sequences[row:end]
        while end < high:
            begin, end = end, self._end_of_subtree(end, high, stem)
            if self._nodes(row, end) - past <= self._budget:
                continue
            if row < begin:
                yield Cut(list(self._sequences[row:begin]), headers)
            row = begin
            if self._nodes(begin, end) - past > self._budget:
                yield from self.rows(begin, end, headers)
                row = end
        if row < high:
            yield Cut(list(self._sequences[row:high]), headers)

    def _header(self, low: int, high: int, past: int, fits: bool) -> int:
        """Where the next header of sequences[low:high] ends; 0 for none."""
        if fits and past:
            return 0
        # it ends before the first position that is read, since a header's own outputs are not kept
        shared = min(self._shared[low + 1 : high])
        if shared < past + HEADER_STEP:
            return 0
        end = min(shared, *(self._first[sequence] for sequence in self._sequences[low:high]))
        end -= end % HEADER_STEP
        return end if end >= (past + HEADER_STEP if past else HEADER_LEAST) else 0

    def _nodes(self, low: int, high: int) -> int:
        """Nodes of the tree of sequences[low:high]."""
        return len(self._sequences[low]) + int(self._sums[high] - self._sums[low + 1])

    def _end_of_subtree(self, begin: int, high: int, stem: int) -> int:
        """Where the texts end that share more than the stem with the one at `begin`."""
        end = begin + 1
        while end < high and self._shared[end] > stem:
            end += 1
        return end


@dataclass(frozen=True)
class _Layout:
    """What the attention function needs of a row, on the device."""

    past: int
    stem: int
    blocks: list[tuple[int, int, torch.Tensor]]


_LAYOUT: ContextVar[_Layout | None] = ContextVar("layout", default=None)


@contextmanager
def attending(row: FlatRow, model: Any, device: torch.device) -> Iterator[None]:
    """While open, the model's attention runs block by block, as the row says.

    A model that asks no registered attention function is not reached: compare its values once before trusting it.
    """
    _register()
    blocks = [
        (block.start, block.end, _with_header(to_device(block.mask, device), row.past))
        for block in row.blocks
    ]
    config, before = model.config, model.config._attn_implementation
    token = _LAYOUT.set(_Layout(row.past, row.stem, blocks))
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        _LAYOUT.reset(token)


def _with_header(mask: torch.Tensor, past: int) -> torch.Tensor:
    import torch

    return torch.cat([mask.new_ones((mask.shape[0], past)), mask], dim=1) if past else mask


def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)


def _attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any,
    scaling: float | None = None, dropout: float = 0.0, **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of transformers' interface: query (1, H, T, D), key and value (1, K, past + T, D) to (1, T, H, D)."""
    import torch

    layout = _LAYOUT.get()
    unsupported = [name for name in ("softcap", "s_aux", "position_bias") if kwargs.get(name) is not None]
    if layout is None or unsupported or key.shape[2] != layout.past + query.shape[2]:
        raise NotImplementedError(f"attention by blocks cannot be used: {unsupported or 'another layout'}")
    attend = torch.nn.functional.scaled_dot_product_attention
    grouped = {"enable_gqa": True} if key.shape[1] != query.shape[1] else {}
    output = query.new_empty((1, query.shape[2], query.shape[1], value.shape[-1]))
    for start, end, mask in layout.blocks:
        # columns: header and stem, then the block itself; a block right behind the stem is one stretch of them
        before = mask.shape[1] - (end - start)
        low, high = layout.past + start, layout.past + end
        if before == low:
            keys, values = key[:, :, :high], value[:, :, :high]
        else:
            keys = torch.cat([key[:, :, :before], key[:, :, low:high]], dim=2)
            values = torch.cat([value[:, :, :before], value[:, :, low:high]], dim=2)
        block = attend(query[:, :, start:end], keys, values, attn_mask=mask[None, None], scale=scaling, **grouped)
        output[:, start:end] = block.transpose(1, 2)
    return output, None
