"""Log-probabilities of scored tokens: the model's body on shared prefixes, its head on scored positions only.

The layout is a token tree packed into flat rows. A model that cannot take the
tree's mask (state space, sliding window, ALiBi) falls back to right padding; the check runs once, on the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.models.adapter import TokenSequence
from auditkit.models.device import out_of_memory, to_device
from auditkit.models.speed.head import REFUSALS, Head, pick_logprobs, tolerance
from auditkit.models.speed.tree import Cut, FlatRow, Ids, attending, cut_rows, lay_out
from auditkit.models.weights.checkpoint import UNLIMITED, Checkpoint

if TYPE_CHECKING:
    import torch

Row = TypeVar("Row", bound=Sized)
"""Whatever has a length in tokens."""

Wanted = dict[Ids, dict[tuple[int, int], float]]
"""What is read, to the position and token asked for, to the log-probability."""

Asked = Sequence[tuple[Ids, tuple[int, int]]]
"""What is read, the position and the token."""

CPU_PACK = 512
"""Tokens of one flat row on a CPU: the fastest on 1 and 2 threads."""

_HEAD_ELEMENTS = 1 << 28


def pad_out(sequences: Sequence[Row], budget: int) -> Iterator[list[Row]]:
    """Group sequences by length into rectangles of at most `budget` tokens, padding included."""
    group: list[Row] = []
    for sequence in sorted(sequences, key=len):
        if group and len(sequence) * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(sequence)
    if group:
        yield group


def in_halves(group: list[Row], compute: Callable[[list[Row]], None]) -> None:
    """Compute a group of sequences; halve it where memory does not suffice.

    Raises:
        MeasurementError: not even one sequence fits into memory.
    """
    try:
        compute(group)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        if len(group) == 1:
            raise MeasurementError(
                f"one text of {len(group[0])} tokens does not fit into memory; use a smaller dtype or model"
            ) from error
        for half in (group[: len(group) // 2], group[len(group) // 2 :]):
            in_halves(half, compute)


class CausalScorer:
    """Scores token sequences with a decoder."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind the model, and try whether it takes a tree of texts."""
        self._checkpoint = checkpoint
        self.head = Head(checkpoint)
        self._header = Header(checkpoint)
        self._blocks = checkpoint.device.type == "cpu"
        self._longest = _longest(checkpoint)
        self.tree, self._headers = self._tree_fits()

    @property
    def execution(self) -> str:
        """How texts are read, in words."""
        if not self.tree:
            return "each text by itself: this architecture or its attention takes no tree of texts"
        limit = f", of texts up to {self._longest} tokens" if self._longest < UNLIMITED else ""
        return f"shared beginnings once{limit}"

    def logprobs(self, sequences: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Log-probability (nats, float64) of each scored token, a row a sequence; equal ones are computed once.

        Raises:
            MeasurementError: not even one sequence fits into memory.
        """
        wanted: Wanted = {}
        for sequence in sequences:
            # what follows the last scored token, and that token itself, need not be read
            asked = wanted.setdefault(sequence.ids[: max(sequence.scored)], {})
            for position in sequence.scored:
                asked[position - 1, sequence.ids[position]] = 0.0
        for cut in self._rows(wanted):
            in_halves(cut.sequences, partial(self._fill, cut.headers, wanted))
        return [
            np.array([found[p - 1, sequence.ids[p]] for p in sequence.scored], dtype=np.float64)
            for sequence in sequences
            for found in [wanted[sequence.ids[: max(sequence.scored)]]]
        ]

    def _rows(self, wanted: Wanted) -> Iterator[Cut]:
        # without headers nothing is said to be asked late enough for one
        first = {
            ids: min(asked)[0] if self._headers else 0 for ids, asked in wanted.items() if self._in_tree(ids)
        }
        yield from cut_rows(sorted(first), first, self._budget())
        for group in pad_out([ids for ids in wanted if ids not in first], self._budget()):
            yield Cut(group, ())

    def _in_tree(self, ids: Ids) -> bool:
        return self.tree and len(ids) <= self._longest

    def _budget(self) -> int:
        budget = self._checkpoint.batch_tokens
        if self.tree and self._checkpoint.device.type == "cpu":
            budget = min(budget, CPU_PACK)
        return max(1, min(budget, _HEAD_ELEMENTS // self._checkpoint.vocabulary))

    def _fill(self, headers: tuple[int, ...], wanted: Wanted, group: list[Ids]) -> None:
        """Compute one group."""
        cut = Cut(group, headers)
        asked = [(ids, key) for ids in cut.sequences for key in wanted[ids]]
        tree = self._in_tree(max(group, key=len)) and (len(group) > 1 or headers)
        values = self._tree(cut, asked) if tree else self._padded(cut.sequences, asked)
        for (ids, key), value in zip(asked, values, strict=True):
            wanted[ids][key] = value

    def _tree(self, cut: Cut, asked: Asked) -> list[float]:
        row, device = lay_out(cut.sequences, cut.past), self._checkpoint.device
        inputs: dict[str, Any] = {
            "input_ids": to_device([row.ids], device),
            "position_ids": to_device([row.depths], device),
        }
        places = [(0, int(row.nodes[ids][position - cut.past])) for ids, (position, _) in asked]
        with self._header.extended(cut, self._reading) as cache, self._reading(row) as mask:
            if cache is not None:
                inputs["past_key_values"] = cache
            targets = [token for _, (_, token) in asked]
            return pick_logprobs(
                self.head, {**inputs, **mask}, places, targets, device, use_cache=cache is not None
            )

    @contextmanager
    def _reading(self, row: FlatRow) -> Iterator[dict[str, torch.Tensor]]:
        """What makes the model read a row as a tree: attention by blocks, or a mask among its inputs."""
        import torch

        device, model = self._checkpoint.device, self._checkpoint.model
        if self._blocks and self._checkpoint.attention == "sdpa":
            with attending(row, model, device):
                yield {}
            return
        mask = to_device(row.mask(), device)[None, None]
        if self._checkpoint.attention == "eager":  # adds the mask, where sdpa reads it as booleans
            mask = torch.zeros_like(mask, dtype=model.dtype).masked_fill(~mask, torch.finfo(model.dtype).min)
        yield {"attention_mask": mask}

    def _padded(self, group: list[Ids], asked: Asked) -> list[float]:
        inputs = right_padded(group, self._checkpoint, positions=self._checkpoint.accepts_positions)
        index = {ids: number for number, ids in enumerate(group)}
        places = [(index[ids], position) for ids, (position, _) in asked]
        targets = [token for _, (_, token) in asked]
        return pick_logprobs(self.head, inputs, places, targets, self._checkpoint.device, use_cache=False)

    def _tree_fits(self) -> tuple[bool, bool]:
        """Whether this very model takes a tree, and a tree behind a header: two branches against two forwards."""
        if self._checkpoint.attention not in {"sdpa", "eager"} or not self._checkpoint.accepts_positions:
            return False, False
        if self._longest < UNLIMITED and not (self._blocks and self._checkpoint.attention == "sdpa"):
            return False, False  # only attention by blocks knows no distance in the flat row
        size = self._checkpoint.vocabulary
        stem = tuple(index % size for index in range(5, 11))
        group = sorted([(*stem, 11 % size, 12 % size, 13 % size), (*stem, 14 % size, 15 % size)])
        asked = [(ids, (position, 7 % size)) for ids in group for position in range(3, len(ids))]
        import torch

        with torch.inference_mode():
            alone = np.array(self._padded(group, asked))
            allowed = tolerance(torch.tensor(alone), self._checkpoint)
            masked = [] if self._longest < UNLIMITED else [False]
            for blocks, headers in product([self._blocks, *masked], [(3,), ()]):
                self._blocks = blocks
                try:
                    tree = self._tree(Cut(group, headers), asked)
                except REFUSALS:
                    continue
                if float(np.abs(alone - np.array(tree)).max()) <= allowed:
                    return True, bool(headers)
        return False, False


def _longest(checkpoint: Checkpoint) -> int:
    """Tokens within which every layer sees all that precedes: a tree of longer texts would need a mask a layer."""
    config = checkpoint.model.config.get_text_config()
    layers = {*(getattr(config, "layer_types", None) or ()), *(getattr(config, "attention_layers", None) or ())}
    if layers - {"full_attention", "sliding_attention"} - {"global", "local"}:
        return 0
    sizes = [getattr(config, name, None) for name in ("sliding_window", "window_size", "attention_chunk_size")]
    found = [size for size in sizes if isinstance(size, int) and size > 0]
    if layers & {"sliding_attention", "local"} and not found:
        return 0
    return min(found, default=UNLIMITED)


class Header:
    """The key/value cache of a beginning that many rows share. One is kept, and grown or cropped as rows need it."""

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
            self._cache.crop(cut.past - self._cache.get_seq_length())
        except BaseException:  # half an extension is of no use
            self._ids, self._cuts, self._cache = (), (), None
            raise

    def _fit(self, ids: Ids, cuts: tuple[int, ...]) -> None:
        """Crop the cache to what it shares with a header, step for step."""
        from transformers import DynamicCache

        kept = 0
        for mine, asked in zip(self._cuts, cuts, strict=False):
            if mine != asked or self._ids[:mine] != ids[:mine]:
                break
            kept = mine
        if not kept:
            self._cache = DynamicCache()  # plain layers: no text in a tree outgrows a sliding window
        elif kept < len(self._ids):
            self._cache.crop(kept - len(self._ids))
        self._ids, self._cuts = ids[:kept], tuple(cut for cut in self._cuts if cut <= kept)

    def _extend(self, ids: Ids, end: int, reading: Callable[[FlatRow], AbstractContextManager[Any]]) -> None:
        row, device = lay_out([ids[:end]], len(self._ids)), self._checkpoint.device
        with reading(row) as mask:
            self._checkpoint.model.base_model(
                input_ids=to_device([row.ids], device),
                position_ids=to_device([row.depths], device),
                past_key_values=self._cache, use_cache=True, **mask,
            )
        self._ids, self._cuts = ids[:end], (*self._cuts, end)


def right_padded(group: Sequence[Ids], checkpoint: Checkpoint, *, positions: bool) -> dict[str, torch.Tensor]:
    """Ids, attention mask and, if asked, position ids, each (B, L), padded on the right."""
    import torch

    length = max(len(ids) for ids in group)
    rows = [[*ids, *[checkpoint.pad] * (length - len(ids))] for ids in group]
    lengths = to_device([len(ids) for ids in group], checkpoint.device)
    span = torch.arange(length, device=checkpoint.device)
    inputs = {
        "input_ids": to_device(rows, checkpoint.device),
        "attention_mask": (span[None] < lengths[:, None]).long(),
    }
    if positions:
        inputs["position_ids"] = torch.minimum(span[None], lengths[:, None] - 1)
    return inputs
