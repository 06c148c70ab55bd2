"""Log-probabilities of target tokens: each source is encoded once, the head runs on scored positions only."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.models.adapter import TokenSequence, common_prefix
from auditkit.models.device import to_device
from auditkit.models.seq2seq.halves import Halves
from auditkit.models.speed.head import REFUSALS, gather_logprobs, tolerance
from auditkit.models.tokens.batches import Ids, group_in_order, in_halves
from auditkit.models.weights.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch


_HEAD_ELEMENTS = 1 << 28


@dataclass(frozen=True)
class Pair:
    """What one forward reads: a source and the beginning of its target."""

    source: Ids
    target: Ids

    def __len__(self) -> int:
        """Number of ids of both."""
        return len(self.source) + len(self.target)


Query = tuple[int, int]
"""The place in the target whose output is read, and the token whose log-probability there is wanted."""
Logprobs = dict[Pair, dict[Query, float]]
"""What is read, to what is wanted of it, to the log-probability."""
PlacedQuery = tuple[int, int, Pair, Query]
"""Row and column of the logits that answer a query, and the query."""


@dataclass(frozen=True)
class Fork:
    """One source and all targets that are scored on it."""

    source: Ids
    shared: int
    """How many ids all targets have in common at their beginning."""
    pairs: tuple[Pair, ...]

    def __len__(self) -> int:
        """Number of ids that are read for all targets."""
        return len(self.source) + self.shared


class Seq2SeqScorer:
    """Scores targets given their sources.

    What the targets of one source share at their beginning is read once; the keys and values that this leaves, those of
    the source included, serve all of them. A model that cannot go on from them reads each target whole.
    """

    def __init__(self, checkpoint: Checkpoint, halves: Halves) -> None:
        """Bind the model, and try whether targets can go on from what they share."""
        self._checkpoint = checkpoint
        self._halves = halves
        self.forks = self._forks_fit()

    def logprobs(self, sequences: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Log-probability (nats, float64) of each scored token, a row a sequence; equal ones are computed once.

        Raises:
            MeasurementError: not even one text fits into memory.
        """
        logprobs: Logprobs = {}
        for sequence in sequences:
            for query in _queries(sequence):
                logprobs.setdefault(_pair(sequence), {})[query] = 0.0
        self._compute(logprobs, forked=self.forks)
        return [
            np.array([logprobs[_pair(sequence)][query] for query in _queries(sequence)], dtype=np.float64)
            for sequence in sequences
        ]

    def _compute(self, logprobs: Logprobs, *, forked: bool) -> None:
        states = self._halves.states(pair.source for pair in logprobs)
        if not forked:
            ordered = sorted(logprobs, key=lambda pair: (len(pair), pair.source, pair.target))
            for group in group_in_order(ordered, len, self._budget()):
                in_halves(group, lambda part: self._plain(part, states, logprobs))
            return
        forks = sorted(_forks(logprobs), key=lambda fork: (fork.shared, len(fork.source), fork.source))
        for _, alike in groupby(forks, key=lambda fork: fork.shared):  # one length of cache a batch
            for forks_together in group_in_order(alike, len, self._budget()):
                in_halves(forks_together, lambda part: self._forked(part, states, logprobs))

    def _budget(self) -> int:
        return max(1, min(self._checkpoint.batch_tokens, _HEAD_ELEMENTS // self._checkpoint.vocabulary))

    def _plain(self, group: list[Pair], states: Mapping[Ids, torch.Tensor], logprobs: Logprobs) -> None:
        """Read each target from its beginning."""
        inputs = self._halves.inputs([states[pair.source] for pair in group])
        queries = [(row, query[0], pair, query) for row, pair in enumerate(group) for query in logprobs[pair]]
        self._read(inputs, [pair.target for pair in group], queries, logprobs, use_cache=False)

    def _forked(self, group: list[Fork], states: Mapping[Ids, torch.Tensor], logprobs: Logprobs) -> None:
        """Read what targets share, then go on with each."""
        inputs = self._halves.inputs([states[fork.source] for fork in group])
        shared = group[0].shared
        queries = [
            (row, pair, query) for row, fork in enumerate(group) for pair in fork.pairs for query in logprobs[pair]
        ]
        branches = list(dict.fromkeys((row, pair) for row, pair, query in queries if query[0] >= shared))
        # first pass: the shared beginning of each source's targets, one row a source
        cache = self._read(
            inputs, [fork.pairs[0].target[:shared] for fork in group],
            [(row, query[0], pair, query) for row, pair, query in queries if query[0] < shared], logprobs,
            use_cache=bool(branches),
        )
        # then each target's own rest, on a copy of its source's row of the cache
        branches.sort(key=lambda branch: len(branch[1]))
        parts = list(group_in_order(branches, lambda branch: len(branch[1]), self._budget()))
        for number, part in enumerate(parts):
            rows = to_device([row for row, _ in part], self._checkpoint.device)
            branch_cache = cache if number == len(parts) - 1 else copy.deepcopy(cache)
            branch_cache.batch_select_indices(rows)
            placed = [
                (row, query[0] - shared, pair, query)
                for row, (_, pair) in enumerate(part) for query in logprobs[pair] if query[0] >= shared
            ]
            self._read(
                self._halves.select(inputs, rows), [pair.target[shared:] for _, pair in part], placed, logprobs,
                past_key_values=branch_cache, use_cache=True,
            )

    def _read(
        self, inputs: dict[str, Any], targets: Sequence[Ids], queries: Sequence[PlacedQuery], logprobs: Logprobs,
        **extra: Any,
    ) -> Any:
        """One forward: fill in the log-probabilities of the queries, return the cache."""
        import torch

        device = self._checkpoint.device
        # several tokens may be wanted at one place: the head runs there once
        distinct = dict.fromkeys((row, column) for row, column, _, _ in queries)
        places = {place: number for number, place in enumerate(distinct)}
        rows, columns = (to_device([place[axis] for place in places], device, torch.long) for axis in (0, 1))
        inputs = {**inputs, "decoder_input_ids": self._halves.targets(targets)}
        logits, cache = self._halves.logits(inputs, rows, columns, **extra)
        index = to_device([places[row, column] for row, column, _, _ in queries], device, torch.long)
        tokens = to_device([query[1] for _, _, _, query in queries], device, torch.long)
        values = gather_logprobs(logits, index, tokens).cpu().double().tolist()
        for (_, _, pair, query), value in zip(queries, values, strict=True):
            logprobs[pair][query] = value
        return cache

    def _forks_fit(self) -> bool:
        """Whether going on from shared keys and values gives what whole targets give, on this very model."""
        import torch

        size, start = self._checkpoint.vocabulary, 0
        if self._checkpoint.target is not None:
            start = self._checkpoint.target.decoder_start
        long, short = (tuple(token % size for token in tokens) for tokens in (range(5, 12), range(12, 15)))
        targets = [(start, 5 % size, 6 % size, 7 % size), (start, 5 % size, 8 % size), (start, 9 % size)]
        pairs = [Pair(long, target) for target in targets] + [Pair(short, target) for target in targets[:2]]
        plain, forked = (
            {pair: {(place, 10 % size): 0.0 for place in range(len(pair.target))} for pair in pairs} for _ in range(2)
        )
        with torch.inference_mode():
            self._compute(plain, forked=False)
            try:
                self._compute(forked, forked=True)
            except REFUSALS:
                return False
        first, second = (
            torch.tensor([value for pair in pairs for value in logprobs[pair].values()]) for logprobs in (plain, forked)
        )
        return bool((first - second).abs().max() <= tolerance(first, self._checkpoint))


def _forks(every_pair: Iterable[Pair]) -> list[Fork]:
    """Pairs by their source; of one target nothing is left to go on with."""
    by_source: dict[Ids, list[Pair]] = {}
    for pair in every_pair:
        by_source.setdefault(pair.source, []).append(pair)
    return [
        Fork(source, common_prefix([pair.target for pair in pairs]), tuple(pairs))
        for source, pairs in by_source.items()
    ]


def _pair(sequence: TokenSequence) -> Pair:
    # what follows the last scored token, and that token itself, need not be read
    return Pair(sequence.ids[: sequence.source], sequence.ids[sequence.source : max(sequence.scored)])


def _queries(sequence: TokenSequence) -> list[Query]:
    """What is wanted of each scored token: the place before it in the target, and its id."""
    return [(position - sequence.source - 1, sequence.ids[position]) for position in sequence.scored]
