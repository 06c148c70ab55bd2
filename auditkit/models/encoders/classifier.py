"""Sequence classifiers: a probability for each class of a text or a pair, or a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.reader import Reader, forward, require_text
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Number, Output, Probabilities, Request, Subject, digest

if TYPE_CHECKING:
    import torch


class ClassifierAdapter:
    """Answers with a transformers `...ForSequenceClassification`.

    `classify` gives a probability a class (independent ones for a multi-label model); `choose` by the rule `label`
    gives the same, read by the choice whose label is the class's name. A head with one output, or one that
    `problem_type` calls a regression, gives its value as it is (rule `number`). All read the request's text, or the
    pair of its texts; what exceeds the window is cut as `Reader` says.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read the classes, or that it is a regression, from the configuration.

        Raises:
            ModelError: a regression with several outputs, or two classes of one name.
        """
        self.checkpoint = checkpoint
        config, name = checkpoint.model.config, checkpoint.subject.name
        self.multi_label = config.problem_type == "multi_label_classification"
        self.regression = config.problem_type == "regression" or (config.num_labels < 2 and not self.multi_label)
        self.classes = tuple(str(config.id2label[at]) for at in range(config.num_labels))
        if self.regression and config.num_labels > 1:
            raise ModelError(f"{name}: a regression with {config.num_labels} outputs; only one number can be read")
        if len(set(self.classes)) < len(self.classes):
            raise ModelError(f"{name}: two classes bear one name in id2label; mend its config.json")

    @property
    def subject(self) -> Subject:
        """Which model this is."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        if self.regression:
            return {"classify": ("number",)}
        return {"classify": ("probabilities",), "choose": ("label",)}

    @cached_property
    def reader(self) -> Reader:
        """How texts become ids."""
        return Reader(self.checkpoint)

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that every label a benchmark uses is a class of the model.

        Raises:
            ModelError: names the labels that are missing and the classes there are.
        """
        missing = sorted(set(labels) - set(self.classes))
        if missing and not self.regression:
            raise ModelError(
                f"{self.subject.name}: no class is called {', '.join(missing)} "
                f"(id2label has {', '.join(self.classes)}); rename the classes in config.json or the labels in the pack"
            )

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise the requests' texts, in order.

        Raises:
            MeasurementError: a request has no text, or one that gives no token.
        """
        for request in requests:
            require_text(request.text, f"request {request.sha256[:12]}: the text to classify")
            if request.text_pair:
                require_text(request.text_pair, f"request {request.sha256[:12]}: the second text of the pair")
        found = self.reader.read([(request.text, request.text_pair) for request in requests])
        return [
            Encoded(request, (sequence,), truncated=dropped)
            for request, (sequence, dropped) in zip(requests, found, strict=True)
        ]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order."""
        config = self.checkpoint.model.config.get_text_config()
        # a decoder with a classification head finds a row's end by its padding id: without one, no padding
        budget = self.checkpoint.batch_tokens if config.pad_token_id is not None else 1
        answers = forward(self.checkpoint, (each.sequences[0] for each in batch), self._pick, budget=budget)
        for each in batch:
            yield self._output(each, answers[each.sequences[0]])

    def view(self, request: Request, option: int) -> View:
        """A differentiable view of the log-probability of one class, or of the number.

        Args:
            request: `classify`, or `choose` by label.
            option: index of the request's option whose text names a class, or of a class where it has no options.
        """
        from auditkit.models.causal.view import ClassifierView

        return ClassifierView(self.checkpoint, self, request, option)

    def scores(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-probability of each class, (B, C) in float32: softmax, or a sigmoid each for multi-label models; the
        number itself, (B, 1), of a regression."""
        import torch

        values = logits.float()
        if self.regression:
            return values
        log_probabilities: torch.Tensor = (
            torch.nn.functional.logsigmoid(values) if self.multi_label else values.log_softmax(-1)
        )
        return log_probabilities

    def _pick(self, output: Any, _: Sequence[TokenSequence]) -> list[list[float]]:
        scores = self.scores(output.logits).double()
        rows: list[list[float]] = (scores if self.regression else scores.exp()).tolist()
        return rows

    def _output(self, encoded: Encoded, values: list[float]) -> Output:
        request = encoded.request
        known: dict[str, Any] = {
            "request": request.sha256, "rule": request.rule, "truncated": encoded.truncated,
            "input_sha256": digest([list(encoded.sequences[0].ids)]), "prompt_tokens": encoded.tokens,
        }
        if not all(math.isfinite(value) for value in values):
            what = "value" if self.regression else "probability"
            return Output(**known, error=f"the model gave a {what} that is no number; use dtype: float32")
        if self.regression:
            return Output(**known, answer=Number(value=values[0]))
        classes = {name: min(1.0, value) for name, value in zip(self.classes, values, strict=True)}
        return Output(**known, answer=Probabilities(classes=classes))
