"""Log-probabilities of scored tokens: the model's body on shared prefixes, its head on scored positions only.

The layout is a token tree packed into flat rows. A model that cannot take the
tree's mask (state space, sliding window, ALiBi) falls back to right padding; the check runs once, on the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.models.adapter import TokenSequence, common_prefix
from auditkit.models.checkpoint import Checkpoint
from auditkit.models.device import out_of_memory

if TYPE_CHECKING:
    import torch

Ids = tuple[int, ...]
Row = TypeVar("Row", bound=Sized)
"""Whatever has a length in tokens."""

CPU_PACK = 512
"""Tokens of one flat row on a CPU: the fastest on 1 and 2 threads."""

_HEAD_ROWS = 256
_HEAD_ELEMENTS = 1 << 28
_TOLERANCE = 1e-4
_COARSE_TOLERANCE = 5e-2
_REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError, KeyError)


class Head:
    """The model's own head on some positions only, soft-capping, scaling and dense layers included.

    A forward hook on the body hands the model only the hidden states at those positions; so the logits equal the
    model's own by construction, in every family. The first use compares both; where they differ, or the model has
    no separate body, the full logits are computed and then picked.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model = checkpoint.model
        self._narrow = checkpoint.model.base_model is not checkpoint.model and _narrow_equals_full(checkpoint)

    def logits(self, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Logits of shape (S, V) at the S positions (rows[i], columns[i]) of the batch."""
        logits: torch.Tensor
        if not self._narrow:
            logits = self._model(**inputs).logits[rows, columns]
            return logits
        with narrowed(self._model.base_model, rows, columns):
            logits = self._model(**inputs).logits[0]
        return logits

    def last(self, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> tuple[torch.Tensor, Any]:
        """The same with a key/value cache: logits (S, V) and the cache."""
        if not self._narrow:
            output = self._model(use_cache=True, **inputs)
            return output.logits[rows, columns], output.past_key_values
        with narrowed(self._model.base_model, rows, columns):
            output = self._model(use_cache=True, **inputs)
        return output.logits[0], output.past_key_values


@contextmanager
def narrowed(body: Any, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
    """While open, the body's last hidden state (B, L, D) leaves it as (1, S, D): the asked positions."""

    def pick(_module: Any, _args: Any, output: Any) -> Any:
        picked = output[0][rows, columns].unsqueeze(0)
        if isinstance(output, tuple):
            return (picked, *output[1:])
        output["last_hidden_state"] = picked
        return output

    handle = body.register_forward_hook(pick)
    try:
        yield
    finally:
        handle.remove()


def _narrow_equals_full(checkpoint: Checkpoint) -> bool:
    import torch

    count = 8
    ids = (torch.arange(3, 3 + count, device=checkpoint.device) % checkpoint.vocabulary).repeat(2, 1)
    rows = torch.tensor([0, 1, 1], device=checkpoint.device)
    columns = torch.tensor([2, 0, count - 1], device=checkpoint.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        full = checkpoint.model(**inputs).logits[rows, columns].float()
        try:
            with narrowed(checkpoint.model.base_model, rows, columns):
                narrow = checkpoint.model(**inputs).logits[0].float()
        except _REFUSALS:
            return False
    return narrow.shape == full.shape and bool((narrow - full).abs().max() <= tolerance(full, checkpoint))


def tolerance(values: torch.Tensor, checkpoint: Checkpoint) -> float:
    """Largest difference that rounding explains, in the precision of the weights."""
    import torch

    exact = checkpoint.model.dtype in (torch.float32, torch.float64)
    return (_TOLERANCE if exact else _COARSE_TOLERANCE) * max(1.0, float(values.abs().max()))


def gather_logprobs(logits: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probabilities in float32 (N,): of token targets[i] in row rows[i] of logits (S, V).

    The normaliser is computed in blocks of rows, so that no second matrix of the logits' size is made.
    """
    import torch

    normaliser = torch.cat([block.float().logsumexp(-1) for block in logits.split(_HEAD_ROWS)])
    return logits[rows, targets].float() - normaliser[rows]


@dataclass(frozen=True)
class FlatRow:
    """Several sequences as one token tree: every shared prefix once."""

    ids: list[int]
    depths: list[int]
    mask: np.ndarray
    """Boolean (T, T): may attend, i.e. is an ancestor or itself."""
    nodes: dict[Ids, np.ndarray]
    """Sequence to the node of each of its tokens."""


def lay_out(sequences: Sequence[Ids]) -> FlatRow:
    """A token tree of sequences that are sorted lexicographically."""
    ids: list[int] = []
    depths: list[int] = []
    nodes: dict[Ids, np.ndarray] = {}
    segments: list[tuple[int, int, np.ndarray]] = []
    previous: Ids = ()
    path = np.zeros(0, dtype=np.int64)
    for sequence in sequences:
        shared = common_prefix([previous, sequence])
        start, end = len(ids), len(ids) + len(sequence) - shared
        ids.extend(sequence[shared:])
        depths.extend(range(shared, len(sequence)))
        segments.append((start, end, path[:shared]))
        path = np.concatenate([path[:shared], np.arange(start, end)])
        nodes[sequence], previous = path, sequence
    mask = np.zeros((len(ids), len(ids)), dtype=bool)
    for start, end, ancestors in segments:
        mask[start:end, ancestors] = True
        mask[start:end, start:end] = np.tri(end - start, dtype=bool)
    return FlatRow(ids, depths, mask, nodes)


def pack(sequences: Sequence[Ids], budget: int) -> Iterator[list[Ids]]:
    """Cut sorted sequences into trees of at most `budget` nodes (one longer sequence stands alone)."""
    row: list[Ids] = []
    size = 0
    for sequence in sequences:
        added = len(sequence) - (common_prefix([row[-1], sequence]) if row else 0)
        if row and size + added > budget:
            yield row
            row, size, added = [], 0, len(sequence)
        row.append(sequence)
        size += added
    if row:
        yield row


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
        self._checkpoint = checkpoint
        self.head = Head(checkpoint)
        self.tree = self._tree_fits()

    def logprobs(self, sequences: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Log-probability (nats, float64) of each scored token, a row a sequence; equal ones are computed once.

        Raises:
            MeasurementError: not even one sequence fits into memory.
        """
        wanted: dict[Ids, dict[tuple[int, int], float]] = {}
        for sequence in sequences:
            for position in sequence.scored:
                # what follows the last scored token, and that token itself, need not be read
                fed = sequence.ids[: max(sequence.scored)]
                wanted.setdefault(fed, {})[position - 1, sequence.ids[position]] = 0.0
        grid = pack(sorted(wanted), self._budget()) if self.tree else pad_out(list(wanted), self._budget())
        for group in grid:
            in_halves(group, lambda part: self._fill(part, wanted))
        return [
            np.array(
                [wanted[sequence.ids[: max(sequence.scored)]][p - 1, sequence.ids[p]] for p in sequence.scored],
                dtype=np.float64,
            )
            for sequence in sequences
        ]

    def _budget(self) -> int:
        budget = self._checkpoint.batch_tokens
        if self.tree and self._checkpoint.device.type == "cpu":
            budget = min(budget, CPU_PACK)
        return max(1, min(budget, _HEAD_ELEMENTS // self._checkpoint.vocabulary))

    def _fill(self, group: list[Ids], wanted: dict[Ids, dict[tuple[int, int], float]]) -> None:
        """Compute one group."""
        asked = [(ids, key) for ids in group for key in wanted[ids]]
        values = self._tree(group, asked) if self.tree and len(group) > 1 else self._padded(group, asked)
        for (ids, key), value in zip(asked, values, strict=True):
            wanted[ids][key] = value

    def _tree(self, group: list[Ids], asked: Sequence[tuple[Ids, tuple[int, int]]]) -> list[float]:
        import torch

        row, device = lay_out(group), self._checkpoint.device
        mask = torch.from_numpy(row.mask).to(device)[None, None]
        if self._checkpoint.attention == "eager":  # adds the mask, where sdpa reads it as booleans
            lowest = torch.finfo(self._checkpoint.model.dtype).min
            mask = torch.zeros_like(mask, dtype=self._checkpoint.model.dtype).masked_fill(~mask, lowest)
        inputs = {
            "input_ids": torch.tensor([row.ids], device=device),
            "attention_mask": mask,
            "position_ids": torch.tensor([row.depths], device=device),
        }
        places = [(0, int(row.nodes[ids][position])) for ids, (position, _) in asked]
        return self._pick(inputs, places, [token for _, (_, token) in asked])

    def _padded(self, group: list[Ids], asked: Sequence[tuple[Ids, tuple[int, int]]]) -> list[float]:
        inputs = right_padded(group, self._checkpoint, positions=self._checkpoint.accepts_positions)
        index = {ids: number for number, ids in enumerate(group)}
        places = [(index[ids], position) for ids, (position, _) in asked]
        return self._pick(inputs, places, [token for _, (_, token) in asked])

    def _pick(
        self, inputs: Mapping[str, torch.Tensor], places: Sequence[tuple[int, int]], targets: Sequence[int]
    ) -> list[float]:
        return pick_logprobs(self.head, inputs, places, targets, self._checkpoint.device, use_cache=False)

    def _tree_fits(self) -> bool:
        """Whether a tree of two branches gives the same log-probabilities as two forwards, on this very model."""
        if self._checkpoint.attention not in {"sdpa", "eager"} or not self._checkpoint.accepts_positions:
            return False
        config = self._checkpoint.model.config.get_text_config()
        layers = set(getattr(config, "layer_types", None) or ("full_attention",))
        if layers != {"full_attention"} or getattr(config, "sliding_window", None):
            return False
        size = self._checkpoint.vocabulary
        stem = tuple(index % size for index in range(5, 11))
        group = sorted([(*stem, 11 % size, 12 % size, 13 % size), (*stem, 14 % size, 15 % size)])
        asked = [(ids, (position, 7 % size)) for ids in group for position in range(len(ids))]
        import torch

        with torch.inference_mode():
            alone = [
                value for ids in group for value in self._padded([ids], [each for each in asked if each[0] == ids])
            ]
            try:
                tree = self._tree(group, asked)
            except _REFUSALS:
                return False
        largest = float(np.abs(np.array(alone) - np.array(tree)).max())
        return largest <= tolerance(torch.tensor(alone), self._checkpoint)


def right_padded(group: Sequence[Ids], checkpoint: Checkpoint, *, positions: bool) -> dict[str, torch.Tensor]:
    """Ids, attention mask and, if asked, position ids, each (B, L), padded on the right."""
    import torch

    length = max(len(ids) for ids in group)
    rows = [[*ids, *[checkpoint.pad] * (length - len(ids))] for ids in group]
    lengths = torch.tensor([len(ids) for ids in group], device=checkpoint.device)
    span = torch.arange(length, device=checkpoint.device)
    inputs = {
        "input_ids": torch.tensor(rows, device=checkpoint.device),
        "attention_mask": (span[None] < lengths[:, None]).long(),
    }
    if positions:
        inputs["position_ids"] = torch.minimum(span[None], lengths[:, None] - 1)
    return inputs


def pick_logprobs(
    head: Head,
    inputs: Mapping[str, torch.Tensor],
    places: Sequence[tuple[int, int]],
    targets: Sequence[int],
    device: torch.device,
    **extra: Any,
) -> list[float]:
    """Log-probability of targets[i] at places[i] = (row, column); the head runs once a distinct place."""
    import torch

    distinct = {place: number for number, place in enumerate(dict.fromkeys(places))}
    rows, columns = (torch.tensor(axis, device=device) for axis in zip(*distinct, strict=True))
    logits = head.logits(rows, columns, **inputs, **extra)
    index = torch.tensor([distinct[place] for place in places], device=device)
    values = gather_logprobs(logits, index, torch.tensor(targets, device=device))
    return [float(value) for value in values.cpu().double()]
