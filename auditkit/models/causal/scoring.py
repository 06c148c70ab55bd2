"""Log-probabilities of scored tokens: the model's body on shared prefixes, its head on scored positions only.

The layout is a token tree packed into flat rows. A model that cannot take the tree's mask (state space, sliding
window, ALiBi) falls back to right padding; the check runs once, on the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.models.adapter import TokenSequence
from auditkit.models.device import to_device
from auditkit.models.speed.head import REFUSALS, Head, pick_logprobs, tolerance
from auditkit.models.speed.prefix_cache import PrefixCache
from auditkit.models.speed.tree import Cut, FlatRow, attending, cut_rows, lay_out
from auditkit.models.tokens.batches import Ids, group_by_length, in_halves, right_padded
from auditkit.models.weights.checkpoint import UNLIMITED, Checkpoint

if TYPE_CHECKING:
    import torch

Query = tuple[int, int]
"""The position whose output is read, and the token whose log-probability there is wanted."""
Logprobs = dict[Ids, dict[Query, float]]
"""What is read, to what is wanted of it, to the log-probability."""

CPU_PACK = 512
"""Tokens of one flat row on a CPU: the fastest on 1 and 2 threads."""

_HEAD_ELEMENTS = 1 << 28


class CausalScorer:
    """Scores token sequences with a decoder."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind the model, and try whether it takes a tree of texts."""
        self._checkpoint = checkpoint
        self.head = Head(checkpoint)
        self._prefix = PrefixCache(checkpoint)
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
        logprobs: Logprobs = {}
        for sequence in sequences:
            # what follows the last scored token, and that token itself, need not be read
            queries = logprobs.setdefault(sequence.ids[: max(sequence.scored)], {})
            for position in sequence.scored:
                queries[position - 1, sequence.ids[position]] = 0.0
        for cut in self._rows(logprobs):
            in_halves(cut.sequences, partial(self._fill, cut.headers, logprobs))
        return [
            np.array([values[position - 1, sequence.ids[position]] for position in sequence.scored], dtype=np.float64)
            for sequence in sequences
            for values in [logprobs[sequence.ids[: max(sequence.scored)]]]
        ]

    def _rows(self, logprobs: Logprobs) -> Iterator[Cut]:
        """What each forward pass reads: rows of the tree, and rectangles of the texts that it does not take."""
        # a header ends before the first position that is read; where the model takes no headers, at 0
        first = {
            ids: min(queries)[0] if self._headers else 0 for ids, queries in logprobs.items() if self._in_tree(ids)
        }
        yield from cut_rows(sorted(first), first, self._budget())
        for group in group_by_length([ids for ids in logprobs if ids not in first], self._budget()):
            yield Cut(group, ())

    def _in_tree(self, ids: Ids) -> bool:
        return self.tree and len(ids) <= self._longest

    def _budget(self) -> int:
        budget = self._checkpoint.batch_tokens
        if self.tree and self._checkpoint.device.type == "cpu":
            budget = min(budget, CPU_PACK)
        return max(1, min(budget, _HEAD_ELEMENTS // self._checkpoint.vocabulary))

    def _fill(self, headers: tuple[int, ...], logprobs: Logprobs, group: list[Ids]) -> None:
        """Compute one group."""
        cut = Cut(group, headers)
        queries = [(ids, query) for ids in cut.sequences for query in logprobs[ids]]
        tree = self._in_tree(max(group, key=len)) and (len(group) > 1 or headers)
        values = self._tree(cut, queries) if tree else self._padded(cut.sequences, queries)
        for (ids, query), value in zip(queries, values, strict=True):
            logprobs[ids][query] = value

    def _tree(self, cut: Cut, queries: Sequence[tuple[Ids, Query]]) -> list[float]:
        """Log-probabilities of the queries, by one pass over a tree of texts behind its header."""
        row, device = lay_out(cut.sequences, cut.past), self._checkpoint.device
        inputs: dict[str, Any] = {
            "input_ids": to_device([row.ids], device),
            "position_ids": to_device([row.depths], device),
        }
        # the tree is one flat row: a text's position becomes the node that stands for it
        places = [(0, int(row.nodes[ids][position - cut.past])) for ids, (position, _) in queries]
        with self._prefix.extended(cut, self._reading) as cache, self._reading(row) as mask:
            if cache is not None:
                inputs["past_key_values"] = cache
            targets = [token for _, (_, token) in queries]
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

    def _padded(self, group: list[Ids], queries: Sequence[tuple[Ids, Query]]) -> list[float]:
        """The same by one pass over a rectangle: every model takes it, and the tree is checked against it."""
        inputs = right_padded(group, self._checkpoint, positions=self._checkpoint.accepts_positions)
        index = {ids: number for number, ids in enumerate(group)}
        places = [(index[ids], position) for ids, (position, _) in queries]
        targets = [token for _, (_, token) in queries]
        return pick_logprobs(self.head, inputs, places, targets, self._checkpoint.device, use_cache=False)

    def _tree_fits(self) -> tuple[bool, bool]:
        """Whether this very model takes a tree, and a tree behind a header: two branches against two forwards."""
        import torch

        if self._checkpoint.attention not in {"sdpa", "eager"} or not self._checkpoint.accepts_positions:
            return False, False
        if self._longest < UNLIMITED and not (self._blocks and self._checkpoint.attention == "sdpa"):
            return False, False  # only attention by blocks knows no distance in the flat row
        size = self._checkpoint.vocabulary
        stem = tuple(index % size for index in range(5, 11))
        group = sorted([(*stem, 11 % size, 12 % size, 13 % size), (*stem, 14 % size, 15 % size)])
        queries = [(ids, (position, 7 % size)) for ids in group for position in range(3, len(ids))]
        with torch.inference_mode():
            alone = np.array(self._padded(group, queries))
            allowed = tolerance(torch.tensor(alone), self._checkpoint)
            # the fastest way first: attention by blocks, then one mask; with a header, then without
            masked = [] if self._longest < UNLIMITED else [False]
            for blocks, headers in product([self._blocks, *masked], [(3,), ()]):
                self._blocks = blocks
                try:
                    tree = self._tree(Cut(group, headers), queries)
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
    values = [getattr(config, name, None) for name in ("sliding_window", "window_size", "attention_chunk_size")]
    windows = [value for value in values if isinstance(value, int) and value > 0]
    if layers & {"sliding_attention", "local"} and not windows:
        return 0
    return min(windows, default=UNLIMITED)
