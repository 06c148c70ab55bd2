"""Log-probabilities of scored tokens: the model's body on shared prefixes, its head on scored positions only.

The layout is a token tree packed into flat rows. A model that cannot take the
tree's mask (state space, sliding window, ALiBi) falls back to right padding; the check runs once, on the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.models.adapter import TokenSequence
from auditkit.models.checkpoint import UNLIMITED, Checkpoint
from auditkit.models.device import out_of_memory
from auditkit.models.quantise import INT8
from auditkit.models.tree import Cut, FlatRow, Ids, attending, cut_rows, lay_out

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

_HEAD_ROWS = 16
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
        self._body = _body(checkpoint)
        self._narrow = self._body is not None

    def logits(self, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Logits of shape (S, V) at the S positions (rows[i], columns[i]) of the batch."""
        logits: torch.Tensor
        if not self._narrow:
            logits = self._model(**inputs).logits[rows, columns]
            return logits
        with narrowed(self._body, rows, columns):
            logits = self._model(**inputs).logits[0]
        return logits

    def last(self, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> tuple[torch.Tensor, Any]:
        """The same with a key/value cache: logits (S, V) and the cache."""
        if not self._narrow:
            output = self._model(use_cache=True, **inputs)
            return output.logits[rows, columns], output.past_key_values
        with narrowed(self._body, rows, columns):
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


def _body(checkpoint: Checkpoint) -> Any:
    """The module whose output the model's head reads, as both ways to the logits prove; `None` if there is none."""
    import torch

    count = 8
    ids = (torch.arange(3, 3 + count, device=checkpoint.device) % checkpoint.vocabulary).repeat(2, 1)
    rows = torch.tensor([0, 1, 1], device=checkpoint.device)
    columns = torch.tensor([2, 0, count - 1], device=checkpoint.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    model = checkpoint.model
    with torch.inference_mode():
        full = model(**inputs).logits[rows, columns].float()
        for body in (model.base_model, getattr(model.base_model, "decoder", None)):  # OPT's head reads the decoder
            if body is None or body is model:
                continue
            try:
                with narrowed(body, rows, columns):
                    narrow = model(**inputs).logits[0].float()
            except _REFUSALS:
                continue
            if narrow.shape == full.shape and bool((narrow - full).abs().max() <= tolerance(full, checkpoint)):
                return body
    return None


def tolerance(values: torch.Tensor, checkpoint: Checkpoint) -> float:
    """Largest difference that rounding explains, in the precision of the weights and activations."""
    import torch

    exact = checkpoint.model.dtype in (torch.float32, torch.float64)
    exact = exact and INT8 not in checkpoint.subject.parts.get("quantisation", "")
    return (_TOLERANCE if exact else _COARSE_TOLERANCE) * max(1.0, float(values.abs().max()))


def gather_logprobs(logits: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probabilities in float32 (N,): of token targets[i] in row rows[i] of logits (S, V).

    The normaliser is computed in blocks of rows, so that no second matrix of the logits' size is made. It comes from
    `log_softmax`, since torch's `logsumexp` takes several times as long on a CPU.
    """
    import torch

    blocks = [block.float() for block in logits.split(_HEAD_ROWS)]
    normaliser = torch.cat([block.amax(-1) - block.log_softmax(-1).amax(-1) for block in blocks])
    return logits[rows, targets].float() - normaliser[rows]


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
        self._header = Header(checkpoint)
        self._blocks = checkpoint.device.type == "cpu"
        self._longest = _longest(checkpoint)
        self.tree, self._headers = self._tree_fits()

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
        import torch

        row, device = lay_out(cut.sequences, cut.past), self._checkpoint.device
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([row.ids], device=device),
            "position_ids": torch.tensor([row.depths], device=device),
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
        mask = torch.from_numpy(row.mask()).to(device)[None, None]
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
                except _REFUSALS:
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
        import torch

        row, device = lay_out([ids[:end]], len(self._ids)), self._checkpoint.device
        with reading(row) as mask:
            self._checkpoint.model.base_model(
                input_ids=torch.tensor([row.ids], device=device),
                position_ids=torch.tensor([row.depths], device=device),
                past_key_values=self._cache, use_cache=True, **mask,
            )
        self._ids, self._cuts = ids[:end], (*self._cuts, end)


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
    return list(values.double().tolist())
