"""Labelled samples as tensors to learn from, and a trained model's answers to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auditkit.models.device import to_device
from auditkit.models.tokens.encoding import clean
from auditkit.schema import Number, Output, Probabilities, Request, Sample, Tags, TrainingTask

Batch = dict[str, Any]
IGNORED = -100
"""Label of positions that have no loss, as torch's cross-entropy has it."""
SCORES: dict[TrainingTask, str] = {
    "classification": "accuracy", "multi-label-classification": "subset accuracy", "regression": "mean absolute error",
    "tagging": "word accuracy",
}
"""What the curve shows of the validation rows beside the loss."""


@dataclass
class FeatureEncoder:
    """Turns samples into token ids with labels."""

    tokenizer: Any
    task: TrainingTask
    labels: Sequence[str]
    limit: int
    """Most tokens a row."""
    place: Mapping[str, int] = field(init=False)
    """Label to its output."""
    words: dict[str, list[int | None]] = field(default_factory=dict)
    """For tags: sample id to the word of each token whose prediction counts, `None` for the others."""
    _cut: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Number the labels in their order, from 0."""
        self.place = {name: index for index, name in enumerate(self.labels)}

    def encode(self, samples: Sequence[Sample]) -> list[Batch]:
        """Token ids and labels of each sample, in order; longer ones are cut at their end."""
        return [self._tagged(sample) if self.task == "tagging" else self._text(sample) for sample in samples]

    def truncated(self, samples: Sequence[Sample]) -> int:
        """How many of the samples were cut."""
        return sum(sample.id in self._cut for sample in samples)

    def collate(self, rows: Sequence[Batch]) -> Batch:
        """A batch of tensors, padded on the right."""
        import torch

        batch = self.tokenizer.pad(
            [{name: value for name, value in row.items() if name != "labels"} for row in rows], return_tensors="pt"
        )
        width, labels = batch["input_ids"].shape[1], [row["labels"] for row in rows]
        if self.task == "tagging":
            labels = [[*row, *[IGNORED] * (width - len(row))] for row in labels]
        real = self.task in ("regression", "multi-label-classification")
        return {**batch, "labels": torch.tensor(labels, dtype=torch.float32 if real else torch.long)}

    def _text(self, sample: Sample) -> Batch:
        texts = [clean(sample.input["text"])]
        if "text_pair" in sample.input:
            texts.append(clean(sample.input["text_pair"]))
        row = self._tokens(sample, *texts)
        return {**row, "labels": self._label(sample)}

    def _label(self, sample: Sample) -> Any:
        if self.task == "regression":
            return float(str(sample.target))
        if self.task == "multi-label-classification":
            return [float(name in sample.references) for name in self.labels]
        return self.place[str(sample.target)]

    def _tokens(self, sample: Sample, *texts: Any, **options: Any) -> Any:
        row = self.tokenizer(*texts, verbose=False, **options)
        if len(row["input_ids"]) <= self.limit:
            return row
        self._cut.add(sample.id)
        return self.tokenizer(*texts, truncation=True, max_length=self.limit, **options)

    def _tagged(self, sample: Sample) -> Batch:
        """The first token of each word has its tag; the others have no loss."""
        row = self._tokens(sample, [clean(word) for word in sample.words], is_split_into_words=True)
        words: set[int] = set()
        first: list[int | None] = []
        for word in row.word_ids():
            counts = word is not None and word not in words
            first.append(word if counts else None)
            if word is not None:
                words.add(word)
        self.words[sample.id] = first
        labels = [IGNORED if word is None else self.place[sample.tags[word]] for word in first]
        return {**row, "labels": labels}


def score_of(task: TrainingTask) -> Callable[[Any], dict[str, float]]:
    """The function that gives the Trainer the score of `SCORES` on logits and labels."""

    def compute(prediction: Any) -> dict[str, float]:
        """The score, 0 to 1 and higher is better; for a regression the mean absolute error, lower is better.

        Args:
            prediction: the Trainer's: logits (N, C), for tags (N, L, C), and label ids.
        """
        logits, labels = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
        if task == "regression":
            return {"score": float(np.abs(logits.reshape(-1) - labels.reshape(-1)).mean())}
        if task == "multi-label-classification":
            return {"score": float(((logits >= 0) == (labels >= 0.5)).all(-1).mean())}
        counted = labels != IGNORED
        return {"score": float((logits.argmax(-1) == labels)[counted].mean())}

    return compute


def outputs_of(
    model: Any, encoder: FeatureEncoder, samples: Sequence[Sample], features: Sequence[Batch]
) -> dict[str, Output]:
    """A trained model's answers, by sample id."""
    import torch

    outputs: dict[str, Output] = {}
    order = sorted(range(len(samples)), key=lambda row: len(features[row]["input_ids"]))
    for begin in range(0, len(order), 32):
        rows = order[begin : begin + 32]
        batch = encoder.collate([features[row] for row in rows])
        batch.pop("labels")
        with torch.inference_mode():
            inputs = {name: to_device(value, model.device) for name, value in batch.items()}
            logits = model(**inputs).logits.float().cpu()
        for place, row in enumerate(rows):
            outputs[samples[row].id] = _output(encoder, samples[row], logits[place])
    return outputs


def _output(encoder: FeatureEncoder, sample: Sample, logits: Any) -> Output:
    text, pair = sample.input.get("text", ""), sample.input.get("text_pair", "")
    if encoder.task == "tagging":
        request = Request(kind="tag", rule="tags", words=sample.words)
        tags = _tags(encoder, sample, logits)
        if tags is None:
            return Output(request=request.sha256, rule=request.rule, error=f"longer than {encoder.limit} tokens")
        return Output(request=request.sha256, rule=request.rule, answer=Tags(tags=tags))
    if encoder.task == "regression":
        request = Request(kind="classify", rule="number", text=text, text_pair=pair)
        value = float(logits.reshape(-1)[0])
        return Output(request=request.sha256, rule=request.rule, answer=Number(value=value))
    request = Request(kind="classify", rule="probabilities", text=text, text_pair=pair)
    several = encoder.task == "multi-label-classification"
    values = (logits.double().sigmoid() if several else logits.double().softmax(-1)).tolist()
    classes = dict(zip(encoder.labels, values, strict=True))
    return Output(request=request.sha256, rule=request.rule, answer=Probabilities(classes=classes))


def _tags(encoder: FeatureEncoder, sample: Sample, logits: Any) -> tuple[str, ...] | None:
    """One tag a word; a word that the tokenizer makes nothing of is `O`; `None` where words were cut off."""
    best = logits.argmax(-1).tolist()
    words = enumerate(encoder.words[sample.id])
    tags = {word: encoder.labels[best[position]] for position, word in words if word is not None}
    if len(tags) < len(sample.words) and (encoder.truncated([sample]) or "O" not in encoder.place):
        return None
    return tuple(tags.get(word, "O") for word in range(len(sample.words)))
