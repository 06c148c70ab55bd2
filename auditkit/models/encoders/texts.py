"""Texts and pairs of texts as an encoder reads them, and forward passes over many of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from auditkit.errors import MeasurementError
from auditkit.models.adapter import TokenSequence
from auditkit.models.device import to_device
from auditkit.models.tokens.batches import group_by_length, in_halves, right_padded
from auditkit.models.tokens.encoding import clean
from auditkit.models.weights.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


def reads_segments(checkpoint: Checkpoint) -> bool:
    """Whether the model is told which of two texts a token belongs to, and its tokenizer says so.

    A RoBERTa takes the argument, but knows one segment; GPT-2 would add a word's embedding for it.
    """
    count = getattr(checkpoint.model.config, "type_vocab_size", 0) or 0
    accepts = "token_type_ids" in inspect.signature(checkpoint.model.forward).parameters
    return accepts and count > 1 and "token_type_ids" in checkpoint.tokenizer.model_input_names


class TextTokeniser:
    """Tokenises texts and pairs with the tokenizer's own special tokens; what exceeds the window is cut.

    One text loses its end, as in `pipeline(truncation=True)`; of a pair the longer text loses token by token
    (`longest_first`).
    """

    def __init__(self, checkpoint: Checkpoint, window: int | None = None) -> None:
        """Bind a model's tokenizer.

        Args:
            checkpoint: the model.
            window: most tokens read, where that is less than the model's own window.
        """
        self.tokenizer = checkpoint.tokenizer
        self.window = min(checkpoint.window, window or checkpoint.window)
        self.segments = reads_segments(checkpoint)

    def tokenise(self, texts: Sequence[tuple[str, str]]) -> list[tuple[TokenSequence, int]]:
        """Tokenise texts; the second of each is empty where there is one text.

        Returns:
            Of each text or pair its ids, and the tokens that were cut off.

        Raises:
            MeasurementError: a text without any token.
        """
        rows: dict[tuple[str, str], tuple[TokenSequence, int]] = {}
        for paired in (False, True):
            group = [pair for pair in dict.fromkeys(texts) if bool(pair[1]) is paired]
            if group:
                rows.update(zip(group, self._tokenise(group, paired), strict=True))
        return [rows[pair] for pair in texts]

    def _tokenise(self, group: Sequence[tuple[str, str]], paired: bool) -> list[tuple[TokenSequence, int]]:
        sides = [[clean(text) for text in side] for side in zip(*group, strict=True)][: 2 if paired else 1]
        settings = {"return_attention_mask": False, "return_token_type_ids": self.segments, "verbose": False}
        full = self.tokenizer(*sides, **settings)
        cut = full
        if any(len(ids) > self.window for ids in full["input_ids"]):
            cut = self.tokenizer(*sides, truncation=True, max_length=self.window, **settings)
        bare = self.tokenizer.num_special_tokens_to_add(paired)
        for pair, ids in zip(group, full["input_ids"], strict=True):
            if len(ids) <= bare:
                raise MeasurementError(f"{pair[0]!r:.60} gives no token in this tokenizer; clean the row")
        return [
            (TokenSequence(tuple(ids), (), segments_of(cut, row)), len(full["input_ids"][row]) - len(ids))
            for row, ids in enumerate(cut["input_ids"])
        ]


def segments_of(batch: Any, row: int) -> tuple[int, ...]:
    """The segments of one row of a tokenizer's answer; empty where there are none, or all are 0."""
    segments = tuple(batch["token_type_ids"][row]) if "token_type_ids" in batch else ()
    return segments if any(segments) else ()


def forward(
    checkpoint: Checkpoint,
    sequences: Iterable[TokenSequence],
    pick: Callable[[Any, Sequence[TokenSequence]], Sequence[Value]],
    *,
    budget: int | None = None,
) -> dict[TokenSequence, Value]:
    """Run the model over token sequences, each distinct one once, by length and in batches of a token budget.

    Args:
        checkpoint: the model.
        sequences: what it reads.
        pick: the model's output of a batch, padded on the right, and the batch, to one value a sequence.
        budget: most tokens of a batch, padding included; default the checkpoint's.

    Raises:
        MeasurementError: not even one sequence fits into memory.
    """
    import torch

    values: dict[TokenSequence, Value] = {}

    def fill(group: list[TokenSequence]) -> None:
        """Read one batch and keep a value a sequence."""
        values.update(zip(group, pick(checkpoint.model(**padded(group, checkpoint)), group), strict=True))

    with torch.inference_mode():
        for group in group_by_length(list(dict.fromkeys(sequences)), budget or checkpoint.batch_tokens):
            in_halves(group, fill)
    return values


def padded(group: Sequence[TokenSequence], checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Ids, attention mask and, where a row has them, segments, each (B, L), padded on the right."""
    inputs = right_padded([sequence.ids for sequence in group], checkpoint, positions=False)
    if any(sequence.segments for sequence in group):
        length = max(len(sequence) for sequence in group)
        rows = [[*sequence.segments, *[0] * (length - len(sequence.segments))] for sequence in group]
        inputs["token_type_ids"] = to_device(rows, checkpoint.device)
    return inputs


def require_text(text: str, name: str) -> None:
    """Refuse a text that is empty or blank.

    Raises:
        MeasurementError: it is; says which text by its `name`.
    """
    if not text.strip():
        raise MeasurementError(f"{name} is empty; give it a text, or leave the row out")
