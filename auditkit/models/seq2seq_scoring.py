"""Log-probabilities of target tokens: each source is encoded once, the head runs on scored positions only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from auditkit.models.adapter import TokenSequence
from auditkit.models.checkpoint import Checkpoint
from auditkit.models.scoring import gather_logprobs, in_halves, narrowed, right_padded, tolerance

if TYPE_CHECKING:
    import torch

Ids = tuple[int, ...]
T = TypeVar("T")

_HEAD_ELEMENTS = 1 << 28
_REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError, KeyError)


@dataclass(frozen=True)
class Pair:
    """What one forward reads: a source and the beginning of its target."""

    source: Ids
    target: Ids

    def __len__(self) -> int:
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
        self._checkpoint = checkpoint
        self._decoder = checkpoint.model.get_decoder()
        self._narrow = self._narrow_equals_full()

    def states(self, sources: Iterable[Ids]) -> dict[Ids, torch.Tensor]:
        """The encoder's reading (L, D) of each distinct source, without padding.

        Raises:
            MeasurementError: not even one source fits into memory.
        """
        found: dict[Ids, torch.Tensor] = {}

        def read(group: list[Ids]) -> None:
            inputs = right_padded(group, self._checkpoint, positions=False)
            states = self._checkpoint.model.get_encoder()(**inputs, return_dict=True).last_hidden_state
            # a view would keep the padded states of the whole group alive
            found.update((ids, states[row, : len(ids)].clone()) for row, ids in enumerate(group))

        for group in within(sorted(set(sources), key=len), len, self._checkpoint.batch_tokens):
            in_halves(group, read)
        return found

    def inputs(self, states: Sequence[torch.Tensor]) -> dict[str, Any]:
        """Encoder outputs (B, L, D) and their attention mask (B, L), as the model takes them."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        lengths = torch.tensor([len(state) for state in states], device=states[0].device)
        padded = torch.nn.utils.rnn.pad_sequence(list(states), batch_first=True)
        mask = (torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]).long()
        return {"encoder_outputs": BaseModelOutput(last_hidden_state=padded), "attention_mask": mask}

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


class Seq2SeqScorer:
    """Scores targets given their sources."""

    def __init__(self, checkpoint: Checkpoint, reader: Reader) -> None:
        self._checkpoint = checkpoint
        self._reader = reader

    def logprobs(self, sequences: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Log-probability (nats, float64) of each scored token, a row a sequence; equal ones are computed once.

        Raises:
            MeasurementError: not even one text fits into memory.
        """
        wanted: dict[Pair, dict[tuple[int, int], float]] = {}
        for sequence in sequences:
            for key in _keys(sequence):
                wanted.setdefault(_pair(sequence), {})[key] = 0.0
        states = self._reader.states(pair.source for pair in wanted)
        ordered = sorted(wanted, key=lambda pair: (len(pair), pair.source, pair.target))
        for group in within(ordered, len, self._budget()):
            in_halves(group, lambda part: self._fill(part, states, wanted))
        return [
            np.array([wanted[_pair(sequence)][key] for key in _keys(sequence)], dtype=np.float64)
            for sequence in sequences
        ]

    def _budget(self) -> int:
        return max(1, min(self._checkpoint.batch_tokens, _HEAD_ELEMENTS // self._checkpoint.vocabulary))

    def _fill(
        self, group: list[Pair], states: Mapping[Ids, torch.Tensor], wanted: dict[Pair, dict[tuple[int, int], float]]
    ) -> None:
        """Compute one group."""
        import torch

        device = self._checkpoint.device
        asked = [(row, pair, key) for row, pair in enumerate(group) for key in wanted[pair]]
        places = {place: at for at, place in enumerate(dict.fromkeys((row, key[0]) for row, _, key in asked))}
        rows, columns = (torch.tensor(axis, device=device) for axis in zip(*places, strict=True))
        inputs = self._reader.inputs([states[pair.source] for pair in group])
        inputs["decoder_input_ids"] = self._reader.targets([pair.target for pair in group])
        logits, _ = self._reader.logits(inputs, rows, columns, use_cache=False)
        index = torch.tensor([places[row, key[0]] for row, _, key in asked], device=device)
        values = gather_logprobs(logits, index, torch.tensor([key[1] for _, _, key in asked], device=device))
        for (_, pair, key), value in zip(asked, values.cpu().double().tolist(), strict=True):
            wanted[pair][key] = value


def _pair(sequence: TokenSequence) -> Pair:
    # what follows the last scored token, and that token itself, need not be read
    return Pair(sequence.ids[: sequence.source], sequence.ids[sequence.source : max(sequence.scored)])


def _keys(sequence: TokenSequence) -> list[tuple[int, int]]:
    """Place in the target whose logits are read, and the id that is asked for, of each scored token."""
    return [(position - sequence.source - 1, sequence.ids[position]) for position in sequence.scored]
