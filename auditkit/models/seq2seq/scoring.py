"""Log-probabilities of target tokens: each source is encoded once, the head runs on scored positions only."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from auditkit.models.adapter import TokenSequence, common_prefix
from auditkit.models.causal.scoring import in_halves, right_padded
from auditkit.models.device import to_device
from auditkit.models.speed.head import gather_logprobs, narrowed, tolerance
from auditkit.models.weights.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

Ids = tuple[int, ...]
T = TypeVar("T")

KEPT_LEAST = 256
"""Tokens from which on a source is read by itself, which on a CPU takes no longer, and its reading kept for later
batches. Shorter ones are read together and not kept: a reading differs in its last bits with those beside it, and a run
that goes on after an interrupt must repeat each bit."""

KEPT_TOKENS = 1 << 15
"""Most tokens of all kept readings: 128 MiB where the encoder is 1,024 wide and in float32."""

_HEAD_ELEMENTS = 1 << 28
_REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError, KeyError)


@dataclass(frozen=True)
class Pair:
    """What one forward reads: a source and the beginning of its target."""

    source: Ids
    target: Ids

    def __len__(self) -> int:
        """Number of ids of both."""
        return len(self.source) + len(self.target)


def within(items: Iterable[T], size: Callable[[T], int], budget: int) -> Iterator[list[T]]:
    """Cut items into groups of at most `budget` tokens, padding to the group's longest included."""
    group: list[T] = []
    longest = 0
    for item in items:
        longest = max(longest, size(item))
        if group and longest * (len(group) + 1) > budget:
            yield group
            group, longest = [], size(item)
        group.append(item)
    if group:
        yield group


class Reader:
    """Runs the two halves of an encoder-decoder."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind the model, and compare its decoder on a few positions with the whole."""
        self._checkpoint = checkpoint
        self._decoder = checkpoint.model.get_decoder()
        self._narrow = self._narrow_equals_full()
        self._kept: dict[Ids, torch.Tensor] = {}

    def states(self, sources: Iterable[Ids]) -> dict[Ids, torch.Tensor]:
        """The encoder's reading (L, D) of each distinct source, without padding; long ones are kept, the last used.

        Raises:
            MeasurementError: not even one source fits into memory.
        """
        found: dict[Ids, torch.Tensor] = {}

        def read(group: list[Ids]) -> None:
            inputs = right_padded(group, self._checkpoint, positions=False)
            states = self._checkpoint.model.get_encoder()(**inputs, return_dict=True).last_hidden_state
            # a view would keep the padded states of the whole group alive
            found.update((ids, states[row, : len(ids)].clone()) for row, ids in enumerate(group))

        distinct = sorted(set(sources), key=lambda ids: (len(ids), ids))
        for group in within([ids for ids in distinct if len(ids) < KEPT_LEAST], len, self._checkpoint.batch_tokens):
            in_halves(group, read)
        for ids in distinct:
            if len(ids) >= KEPT_LEAST:
                if ids in self._kept:
                    found[ids] = self._kept.pop(ids)
                else:
                    in_halves([ids], read)
                self._keep(ids, found[ids])
        return found

    def _keep(self, ids: Ids, states: torch.Tensor) -> None:
        """Keep a reading as the last used, and let those go that were used longest ago."""
        self._kept[ids] = states
        left = sum(len(each) for each in self._kept) - KEPT_TOKENS
        for each in list(self._kept):
            if left <= 0:
                break
            left -= len(each)
            del self._kept[each]

    def inputs(self, states: Sequence[torch.Tensor]) -> dict[str, Any]:
        """Encoder outputs (B, L, D) and their attention mask (B, L), as the model takes them."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        lengths = to_device([len(state) for state in states], states[0].device)
        padded = torch.nn.utils.rnn.pad_sequence(list(states), batch_first=True)
        mask = (torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]).long()
        return {"encoder_outputs": BaseModelOutput(last_hidden_state=padded), "attention_mask": mask}

    def select(self, inputs: Mapping[str, Any], rows: torch.Tensor) -> dict[str, Any]:
        """Some rows of what `inputs` made, in that order; a row may come several times."""
        from transformers.modeling_outputs import BaseModelOutput

        states = inputs["encoder_outputs"].last_hidden_state[rows]
        return {
            "encoder_outputs": BaseModelOutput(last_hidden_state=states),
            "attention_mask": inputs["attention_mask"][rows],
        }

    def targets(self, rows: Sequence[Ids]) -> torch.Tensor:
        """Target ids (B, T), padded on the right: causal attention lets no token see what follows it."""
        return right_padded(rows, self._checkpoint, positions=False)["input_ids"]

    def logits(
        self, inputs: Mapping[str, Any], rows: torch.Tensor, columns: torch.Tensor, **extra: Any
    ) -> tuple[torch.Tensor, Any]:
        """Logits (S, V) at the S places (rows[i], columns[i]) of the target, and the key/value cache if asked for."""
        if not self._narrow:
            output = self._checkpoint.model(**inputs, **extra)
            return output.logits[rows, columns], output.past_key_values
        with narrowed(self._decoder, rows, columns):
            output = self._checkpoint.model(**inputs, **extra)
        return output.logits[0], output.past_key_values

    def _narrow_equals_full(self) -> bool:
        """Whether the head may be given some positions only, on this very model."""
        import torch

        device, size = self._checkpoint.device, self._checkpoint.vocabulary
        ids = (torch.arange(3, 9, device=device) % size).repeat(2, 1)
        rows, columns = torch.tensor([0, 1, 1], device=device), torch.tensor([2, 0, 5], device=device)
        inputs = {"input_ids": ids, "decoder_input_ids": ids, "use_cache": False}
        with torch.inference_mode():
            full = self._checkpoint.model(**inputs).logits[rows, columns].float()
            try:
                with narrowed(self._decoder, rows, columns):
                    narrow = self._checkpoint.model(**inputs).logits[0].float()
            except _REFUSALS:
                return False
        return narrow.shape == full.shape and bool((narrow - full).abs().max() <= tolerance(full, self._checkpoint))


Wanted = dict[Pair, dict[tuple[int, int], float]]
"""What is read, to the place in the target and the token asked for, to the log-probability."""
Asked = tuple[int, int, Pair, tuple[int, int]]
"""Row and column of the logits that answer, and where the answer goes."""


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

    def __init__(self, checkpoint: Checkpoint, reader: Reader) -> None:
        """Bind model and reader, and try whether targets can go on from what they share."""
        self._checkpoint = checkpoint
        self._reader = reader
        self.forks = self._forks_fit()

    def logprobs(self, sequences: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Log-probability (nats, float64) of each scored token, a row a sequence; equal ones are computed once.

        Raises:
            MeasurementError: not even one text fits into memory.
        """
        wanted: Wanted = {}
        for sequence in sequences:
            for key in _keys(sequence):
                wanted.setdefault(_pair(sequence), {})[key] = 0.0
        self._compute(wanted, forked=self.forks)
        return [
            np.array([wanted[_pair(sequence)][key] for key in _keys(sequence)], dtype=np.float64)
            for sequence in sequences
        ]

    def _compute(self, wanted: Wanted, *, forked: bool) -> None:
        states = self._reader.states(pair.source for pair in wanted)
        if not forked:
            ordered = sorted(wanted, key=lambda pair: (len(pair), pair.source, pair.target))
            for group in within(ordered, len, self._budget()):
                in_halves(group, lambda part: self._whole(part, states, wanted))
            return
        forks = sorted(_forks(wanted), key=lambda fork: (fork.shared, len(fork.source), fork.source))
        for _, alike in groupby(forks, key=lambda fork: fork.shared):  # one length of cache a batch
            for each in within(alike, len, self._budget()):
                in_halves(each, lambda part: self._forked(part, states, wanted))

    def _budget(self) -> int:
        return max(1, min(self._checkpoint.batch_tokens, _HEAD_ELEMENTS // self._checkpoint.vocabulary))

    def _whole(self, group: list[Pair], states: Mapping[Ids, torch.Tensor], wanted: Wanted) -> None:
        """Read each target from its beginning."""
        inputs = self._reader.inputs([states[pair.source] for pair in group])
        asked = [(row, key[0], pair, key) for row, pair in enumerate(group) for key in wanted[pair]]
        self._read(inputs, [pair.target for pair in group], asked, wanted, use_cache=False)

    def _forked(self, group: list[Fork], states: Mapping[Ids, torch.Tensor], wanted: Wanted) -> None:
        """Read what targets share, then go on with each."""

        inputs = self._reader.inputs([states[fork.source] for fork in group])
        shared = group[0].shared
        every = [(row, pair, key) for row, fork in enumerate(group) for pair in fork.pairs for key in wanted[pair]]
        branches = list(dict.fromkeys((row, pair) for row, pair, key in every if key[0] >= shared))
        cache = self._read(
            inputs, [fork.pairs[0].target[:shared] for fork in group],
            [(row, key[0], pair, key) for row, pair, key in every if key[0] < shared], wanted,
            use_cache=bool(branches),
        )
        branches.sort(key=lambda branch: len(branch[1]))
        parts = list(within(branches, lambda branch: len(branch[1]), self._budget()))
        for number, part in enumerate(parts):
            rows = to_device([row for row, _ in part], self._checkpoint.device)
            own = cache if number == len(parts) - 1 else copy.deepcopy(cache)
            own.batch_select_indices(rows)
            asked = [
                (at, key[0] - shared, pair, key)
                for at, (_, pair) in enumerate(part) for key in wanted[pair] if key[0] >= shared
            ]
            chosen = self._reader.select(inputs, rows)
            self._read(
                chosen, [pair.target[shared:] for _, pair in part], asked, wanted, past_key_values=own, use_cache=True
            )

    def _read(
        self, inputs: dict[str, Any], targets: Sequence[Ids], asked: Sequence[Asked], wanted: Wanted, **extra: Any
    ) -> Any:
        """One forward: fill in what is asked, return the cache."""
        import torch

        device = self._checkpoint.device
        places = {place: at for at, place in enumerate(dict.fromkeys((row, column) for row, column, _, _ in asked))}
        rows, columns = (to_device([place[axis] for place in places], device, torch.long) for axis in (0, 1))
        inputs = {**inputs, "decoder_input_ids": self._reader.targets(targets)}
        logits, cache = self._reader.logits(inputs, rows, columns, **extra)
        index = to_device([places[row, column] for row, column, _, _ in asked], device, torch.long)
        tokens = to_device([key[1] for _, _, _, key in asked], device, torch.long)
        values = gather_logprobs(logits, index, tokens).cpu().double().tolist()
        for (_, _, pair, key), value in zip(asked, values, strict=True):
            wanted[pair][key] = value
        return cache

    def _forks_fit(self) -> bool:
        """Whether going on from shared keys and values gives what whole targets give, on this very model."""
        import torch

        size, start = self._checkpoint.vocabulary, 0
        if self._checkpoint.target is not None:
            start = self._checkpoint.target.start
        long, short = tuple(at % size for at in range(5, 12)), tuple(at % size for at in range(12, 15))
        targets = [(start, 5 % size, 6 % size, 7 % size), (start, 5 % size, 8 % size), (start, 9 % size)]
        pairs = [Pair(long, target) for target in targets] + [Pair(short, target) for target in targets[:2]]
        whole, forked = (
            {pair: {(at, 10 % size): 0.0 for at in range(len(pair.target))} for pair in pairs} for _ in range(2)
        )
        with torch.inference_mode():
            self._compute(whole, forked=False)
            try:
                self._compute(forked, forked=True)
            except _REFUSALS:
                return False
        first, second = (
            torch.tensor([value for pair in pairs for value in each[pair].values()]) for each in (whole, forked)
        )
        return bool((first - second).abs().max() <= tolerance(first, self._checkpoint))


def _forks(wanted: Iterable[Pair]) -> list[Fork]:
    """Pairs by their source; of one target nothing is left to go on with."""
    by_source: dict[Ids, list[Pair]] = {}
    for pair in wanted:
        by_source.setdefault(pair.source, []).append(pair)
    return [
        Fork(source, common_prefix([pair.target for pair in pairs]), tuple(pairs))
        for source, pairs in by_source.items()
    ]


def _pair(sequence: TokenSequence) -> Pair:
    # what follows the last scored token, and that token itself, need not be read
    return Pair(sequence.ids[: sequence.source], sequence.ids[sequence.source : max(sequence.scored)])


def _keys(sequence: TokenSequence) -> list[tuple[int, int]]:
    """Place in the target whose logits are read, and the id that is asked for, of each scored token."""
    return [(position - sequence.source - 1, sequence.ids[position]) for position in sequence.scored]
