"""Sequence classifiers: a probability for each class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.checkpoint import Checkpoint
from auditkit.models.device import out_of_memory
from auditkit.models.scoring import Ids, pad_out, right_padded
from auditkit.models.tokens import clean
from auditkit.schema import Output, Request, Subject, digest

if TYPE_CHECKING:
    import torch


class ClassifierAdapter:
    """Answers with a transformers `...ForSequenceClassification`.

    `classify` gives a probability a class; `choose` by the rule `label` gives the same, read by the choice whose
    label is the class's name. Both classify the request's text. A text beyond the window is cut at its end, as
    `pipeline(truncation=True)` does.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        config = checkpoint.model.config
        self.multi_label = config.problem_type == "multi_label_classification"
        self.classes = tuple(str(config.id2label[at]) for at in range(config.num_labels))
        name = checkpoint.subject.name
        if not self.multi_label and (len(self.classes) < 2 or config.problem_type == "regression"):
            raise ModelError(f"{name}: its one output is a regression; a classifier needs two classes")
        if len(set(self.classes)) < len(self.classes):
            raise ModelError(f"{name}: two classes bear one name in id2label; mend its config.json")

    @property
    def subject(self) -> Subject:
        """Which model this is."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {"classify": ("probabilities",), "choose": ("label",)}

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that every label a benchmark uses is a class of the model.

        Raises:
            ModelError: names the labels that are missing and the classes there are.
        """
        missing = sorted(set(labels) - set(self.classes))
        if missing:
            raise ModelError(
                f"{self.subject.name}: no class is called {', '.join(missing)} "
                f"(id2label has {', '.join(self.classes)}); rename the classes in config.json or the labels in the pack"
            )

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise the requests' texts, in order."""
        texts = [clean(request.text) for request in requests]
        for request, text in zip(requests, texts, strict=True):
            if not text:
                raise MeasurementError(f"request {request.sha256[:12]}: there is no text to classify")
        if not texts:
            return []
        tokenizer, limit = self.checkpoint.tokenizer, self.checkpoint.window
        full = tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]
        cut = full
        if any(len(ids) > limit for ids in full):
            cut = tokenizer(texts, truncation=True, max_length=limit, return_attention_mask=False)["input_ids"]
        return [
            Encoded(request, (TokenSequence(tuple(ids), ()),), truncated=len(whole) - len(ids))
            for request, ids, whole in zip(requests, cut, full, strict=True)
        ]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order."""
        import torch

        answers: dict[Ids, list[float]] = {}
        config = self.checkpoint.model.config.get_text_config()
        # a decoder with a classification head finds a row's end by its padding id: without one, no padding
        budget = self.checkpoint.batch_tokens if config.pad_token_id is not None else 1
        with torch.inference_mode():
            for group in pad_out(list(dict.fromkeys(each.sequences[0].ids for each in batch)), budget):
                self._fill(group, answers)
        for each in batch:
            yield self._output(each, answers[each.sequences[0].ids])

    def view(self, request: Request, option: int) -> View:
        """A differentiable view of the log-probability of one class.

        Args:
            request: `classify`, or `choose` by label.
            option: index of the request's option whose text names a class, or of a class where it has no options.
        """
        from auditkit.models.view import ClassifierView

        return ClassifierView(self.checkpoint, self, request, option)

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-probability of each class, (B, C) in float32: softmax, or a sigmoid each for multi-label models."""
        import torch

        values = logits.float()
        log_probabilities: torch.Tensor = (
            torch.nn.functional.logsigmoid(values) if self.multi_label else values.log_softmax(-1)
        )
        return log_probabilities

    def _fill(self, group: list[Ids], answers: dict[Ids, list[float]]) -> None:
        """Classify one group; halve it where memory does not suffice."""
        try:
            inputs = right_padded(group, self.checkpoint, positions=False)
            rows = self.log_probabilities(self.checkpoint.model(**inputs).logits).double().exp().tolist()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(group) == 1:
                raise
            self._fill(group[: len(group) // 2], answers)
            self._fill(group[len(group) // 2 :], answers)
            return
        answers.update(zip(group, rows, strict=True))

    def _output(self, encoded: Encoded, values: list[float]) -> Output:
        request, finite = encoded.request, all(0.0 <= value <= 1.0 + 1e-9 for value in values)
        return Output(
            request=request.sha256,
            rule=request.rule,
            probabilities={name: min(1.0, v) for name, v in zip(self.classes, values, strict=True)} if finite else None,
            input_sha256=digest([list(encoded.sequences[0].ids)]),
            truncated=encoded.truncated,
            prompt_tokens=encoded.tokens,
            error=None if finite else "the model gave a probability that is no number; use dtype: float32",
        )
