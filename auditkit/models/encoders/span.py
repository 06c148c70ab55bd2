"""Extractive question answering: the best span of a passage, read in overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.texts import forward, reads_segments, require_text, segments_of
from auditkit.models.tokens.encoding import clean
from auditkit.models.weights.checkpoint import Checkpoint, ReadingRules, model_window
from auditkit.schema import Config, Output, Request, SpanAnswer, Subject, digest

WINDOW, STRIDE, LONGEST = 384, 128, 30
"""Tokens of a window and of an overlap, and of the longest answer: those of the SQuAD fine-tuning scripts. A model that
reads more than 512 tokens has windows as long as it reads."""


class SpanAdapter:
    """Answers with a transformers `...ForQuestionAnswering`.

    A span's score is its start logit plus its end logit; the best over all windows counts, the first of equals. The
    score of `no answer` is that of the CLS token, the lowest over the windows, and it is the answer where it is higher
    than the best span's: the rule of SQuAD 2.0 with threshold 0. A model trained where every question has an answer
    has learned to score it low. A tokenizer without CLS has no such score.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read window and segments.

        Raises:
            ModelError: special tokens fill the window.
        """
        self.checkpoint = checkpoint
        self.segments = reads_segments(checkpoint)
        self.window = window_of(checkpoint.window)
        if checkpoint.tokenizer.num_special_tokens_to_add(True) >= self.window:
            raise ModelError(f"{checkpoint.subject.name}: a window of {self.window} tokens holds no text")

    @property
    def subject(self) -> Subject:
        """Which model this is; its parts say how a passage is read."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {"extract": ("span",)}

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise questions and passages, in order: one sequence a window, `scored` where an answer may begin or end,
        with these tokens' characters in the passage.

        Raises:
            MeasurementError: a question or passage is empty, or the question leaves no room for the passage.
        """
        return [self._encode(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order."""
        windows = (window for encoded in batch for window in encoded.sequences)
        logits = forward(self.checkpoint, windows, self._pick)
        for encoded in batch:
            fields: dict[str, Any] = {
                "request": encoded.request.sha256, "rule": encoded.request.rule,
                "input_sha256": digest([list(window.ids) for window in encoded.sequences]),
                "prompt_tokens": sum(len(window) for window in encoded.sequences),
            }
            rows = [logits[window] for window in encoded.sequences]
            if not all(np.isfinite(row).all() for row in rows):
                yield Output(**fields, error="the model gave a score that is not a number; use dtype: float32")
            else:
                yield Output(**fields, answer=self._best(encoded, rows))

    def view(self, request: Request, option: int) -> View:
        """Not offered.

        Raises:
            MeasurementError: always.
        """
        raise MeasurementError("the best of all spans is not a score of one option; span models are not explained yet")

    def _encode(self, request: Request) -> Encoded:
        where = f"request {request.sha256[:12]}"
        require_text(request.text, f"{where}: the question")
        require_text(request.text_pair, f"{where}: the passage")
        question, passage = clean(request.text), clean(request.text_pair)
        tokenizer = self.checkpoint.tokenizer
        question_tokens = len(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
        room = self.window - question_tokens - tokenizer.num_special_tokens_to_add(True)
        if room < 2:
            raise MeasurementError(
                f"{where}: the question has {question_tokens} tokens, which leave no room for the passage in a window "
                f"of {self.window}; shorten it, or use a model with a longer window"
            )
        batch = tokenizer(
            question, passage, truncation="only_second", max_length=self.window, stride=min(STRIDE, room // 2),
            return_overflowing_tokens=True, return_offsets_mapping=True, return_attention_mask=False,
            return_token_type_ids=self.segments, verbose=False,
        )
        windows, offsets = [], []
        for row, ids in enumerate(batch["input_ids"]):
            places = _places(passage, batch.sequence_ids(row), batch["offset_mapping"][row])
            windows.append(TokenSequence(tuple(ids), tuple(places), segments_of(batch, row)))
            offsets.append(tuple(places.values()))
        if not any(window.scored for window in windows):
            raise MeasurementError(f"{where}: the passage gives no token in this tokenizer; clean the row")
        return Encoded(request, tuple(windows), offsets=tuple(offsets))

    def _pick(self, output: Any, group: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Start and end logits (2, L) of each sequence, padding cut off."""
        if not hasattr(output, "start_logits"):
            raise MeasurementError("this head gives no start and end logits; only plain span heads can be read")
        starts, ends = (side.float().cpu().double().numpy() for side in (output.start_logits, output.end_logits))
        return [np.stack([side[row, : len(window)] for side in (starts, ends)]) for row, window in enumerate(group)]

    def _best(self, encoded: Encoded, rows: Sequence[np.ndarray]) -> SpanAnswer:
        """The best span over the windows, or no answer."""
        best, best_range, nulls = -math.inf, (0, 0), []
        for window, offsets, logits in zip(encoded.sequences, encoded.offsets, rows, strict=True):
            cls = self.checkpoint.tokenizer.cls_token_id
            if cls in window.ids:
                nulls.append(float(logits[:, window.ids.index(cls)].sum()))
            score, first, last = best_pair(logits[0], logits[1], window.scored)
            if score > best:
                best, best_range = score, (offsets[first][0], offsets[last][1])
        null = min(nulls, default=None)
        text = clean(encoded.request.text_pair)
        start, end = (0, 0) if null is not None and null > best else best_range
        return SpanAnswer(text=text[start:end], start=start, end=end, score=best, null_score=null)


def _places(
    passage: str, sides: Sequence[int | None], offsets: Sequence[tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Position of each token of the passage that stands for more than a blank, and its character range without blanks
    at its ends."""
    places = {}
    for position, (side, (start, end)) in enumerate(zip(sides, offsets, strict=True)):
        part = passage[start:end]
        if side == 1 and part.strip():
            places[position] = (start + len(part) - len(part.lstrip()), start + len(part.rstrip()))
    return places


def best_pair(starts: np.ndarray, ends: np.ndarray, places: Sequence[int]) -> tuple[float, int, int]:
    """The span with the highest sum of start and end score.

    Args:
        starts: score (L,) of each token as the first.
        ends: score (L,) of each token as the last.
        places: ascending positions of the tokens that may be either.

    Returns:
        The score, and the indices in `places` of its first and last token; of equal spans the first, of these the
        shortest. Without places the score is -inf.
    """
    best = (-math.inf, 0, 0)
    if not places:
        return best
    positions = np.asarray(places)
    first, last = starts[positions], ends[positions]
    # row: the first token, column: the last one; a span that runs backwards or is too long scores -inf
    length = positions[None, :] - positions[:, None]
    sums = np.where((length >= 0) & (length < LONGEST), first[:, None] + last[None, :], -math.inf)
    highest = int(sums.argmax())
    return float(sums.flat[highest]), highest // len(positions), highest % len(positions)


def window_of(most: int) -> int:
    """Tokens of one window of a model that reads `most`."""
    return min(most, WINDOW) if most <= 512 else most


def settle(model: Any, tokenizer: Any, folder: Path, config: Config) -> ReadingRules:
    """How a passage is read, for the subject."""
    null = "no answer where CLS scores higher" if tokenizer.cls_token_id is not None else "always an answer"
    tokens = window_of(model_window(model, tokenizer))
    return ReadingRules(
        {"span": f"windows of {tokens} tokens, overlap {STRIDE}, answers of up to {LONGEST} tokens, {null}"}
    )
