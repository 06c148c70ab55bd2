"""Sequence classifiers: a probability for each class of a text or a pair, or a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.class_head import ClassHead
from auditkit.models.encoders.classifier_view import ClassifierView
from auditkit.models.encoders.texts import TextTokeniser, forward, require_text
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Number, Output, Probabilities, Request, Subject, digest


class ClassifierAdapter:
    """Answers with a transformers `...ForSequenceClassification`.

    `classify` gives a probability a class (independent ones for a multi-label model); `choose` by the rule `label`
    gives the same, read by the choice whose label is the class's name. A head with one output, or one that
    `problem_type` calls a regression, gives its value as it is (rule `number`). All read the request's text, or the
    pair of its texts; what exceeds the window is cut as `TextTokeniser` says.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind a loaded classifier; see `ClassHead` for the errors."""
        self.checkpoint = checkpoint
        self.head = ClassHead(checkpoint)

    @property
    def subject(self) -> Subject:
        """Which model this is."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        if self.head.regression:
            return {"classify": ("number",)}
        return {"classify": ("probabilities",), "choose": ("label",)}

    @cached_property
    def tokeniser(self) -> TextTokeniser:
        """How texts become ids."""
        return TextTokeniser(self.checkpoint)

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that every label a benchmark uses is a class of the model; see `ClassHead.require_labels`."""
        self.head.require_labels(labels)

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise the requests' texts, in order.

        Raises:
            MeasurementError: a request has no text, or one that gives no token.
        """
        for request in requests:
            require_text(request.text, f"request {request.sha256[:12]}: the text to classify")
            if request.text_pair:
                require_text(request.text_pair, f"request {request.sha256[:12]}: the second text of the pair")
        rows = self.tokeniser.tokenise([(request.text, request.text_pair) for request in requests])
        return [
            Encoded(request, (sequence,), truncated=dropped)
            for request, (sequence, dropped) in zip(requests, rows, strict=True)
        ]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order."""
        config = self.checkpoint.model.config.get_text_config()
        # a decoder with a classification head finds a row's end by its padding id: without one, no padding
        budget = self.checkpoint.batch_tokens if config.pad_token_id is not None else 1
        answers = forward(self.checkpoint, (encoded.sequences[0] for encoded in batch), self._pick, budget=budget)
        for encoded in batch:
            yield self._output(encoded, answers[encoded.sequences[0]])

    def view(self, request: Request, option: int) -> View:
        """A differentiable view of the log-probability of one class, or of the number.

        Args:
            request: `classify`, or `choose` by label.
            option: index of the request's option whose text names a class, or of a class where it has no options.
        """
        return ClassifierView(self.checkpoint, self.head, self.encode([request])[0].sequences[0], request, option)

    def _pick(self, output: Any, _: Sequence[TokenSequence]) -> list[list[float]]:
        scores = self.head.scores(output.logits).double()
        rows: list[list[float]] = (scores if self.head.regression else scores.exp()).tolist()
        return rows

    def _output(self, encoded: Encoded, values: list[float]) -> Output:
        request = encoded.request
        fields: dict[str, Any] = {
            "request": request.sha256, "rule": request.rule, "truncated": encoded.truncated,
            "input_sha256": digest([list(encoded.sequences[0].ids)]), "prompt_tokens": encoded.tokens,
        }
        if not all(math.isfinite(value) for value in values):
            quantity = "value" if self.head.regression else "probability"
            return Output(**fields, error=f"the model gave a {quantity} that is not a number; use dtype: float32")
        if self.head.regression:
            return Output(**fields, answer=Number(value=values[0]))
        classes = {name: min(1.0, value) for name, value in zip(self.head.classes, values, strict=True)}
        return Output(**fields, answer=Probabilities(classes=classes))
