"""What an output answers. What scores say is the record's own knowledge (`Output.read`); texts are read here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.errors import MeasurementError
from auditkit.measure.scorers.letters import read_option
from auditkit.measure.scorers.refusal import refuses
from auditkit.schema import (
    AnswerReading,
    Number,
    OptionScores,
    Output,
    Probabilities,
    Reason,
    Sample,
    Similarities,
    SpanAnswer,
)

_PARSED_RULES = ("letter", "text", "saved")
_NAMED_RULES = ("saved", "probabilities")
"""Rules of answers that may name a class by its label: saved ones, and those of functions."""
_GRAVEST: tuple[Reason, ...] = ("errored", "not_run", "cut", "refused", "unparsed", "tied")
"""Which reason stands for an origin whose twins are unscored for several."""
NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
"""A number: digits with a sign, a decimal point, and commas between thousands."""


def read(sample: Sample, output: Output | None) -> AnswerReading:
    """Read what a model answered to a sample; an answer to a prompt that was cut is `cut`, whatever it says.

    Scores, probabilities and similarities: see `Output.read`. Text under the rules `letter` and
    `text`: a letter or an option's own text, anchored; under `saved` (predictions whose rule is not known) also a
    choice's label, exactly, and under `probabilities` (a function that gives none) that alone. A text that opens with a
    refusal, or a finish reason `refusal`, is `refused`; any other text is `unparsed`. Without choices the text itself
    is the answer.

    Raises:
        MeasurementError: the output has another number of options than the sample has choices.
    """
    if output is None:
        return AnswerReading(reason="not_run")
    _check_number(sample, output)
    reading = output.read(sample.labels)
    return _read_text(sample, output) if reading is None else reading


def answered_class(sample: Sample, output: Output | None) -> tuple[str | None, Reason | None]:
    """The class that an answer names, or why none could be read; without choices the text itself is the class."""
    reading = read(sample, output)
    label = reading.label if reading.label is not None or output is None else output.text
    if reading.reason is not None or label is None:
        return None, reading.reason or "unparsed"
    return label, None


def read_twins(
    samples: Sequence[Sample], outputs: Sequence[Output | None]
) -> tuple[list[AnswerReading], Reason | None]:
    """The answers of an origin's twins, aligned, and why the origin is unscored: the first reason in `_GRAVEST`.

    Raises:
        MeasurementError: as for `read`.
    """
    answers = [read(sample, output) for sample, output in zip(samples, outputs, strict=True)]
    reasons = {answer.reason for answer in answers}
    return answers, next((reason for reason in _GRAVEST if reason in reasons), None)


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes that a multi-label answer names."""

    names: frozenset[str] | None
    reason: Reason | None = None


def read_classes(output: Output) -> Classes:
    """Every class with a probability of at least one half; none of them is an answer too.

    A text has no such reading: `refused` or `unparsed`.
    """
    if not isinstance(output.answer, Probabilities):
        return Classes(None, "refused" if refused(output) else "unparsed")
    return Classes(output.answer.likely())


def read_number(output: Output) -> tuple[float | None, Reason | None]:
    """A regression's number; of a text, the only number that it holds.

    A text that refuses is `refused`, whatever it holds; one with no number, or several, is `unparsed`.
    """
    if isinstance(output.answer, Number):
        return output.answer.value, None
    if refused(output):
        return None, "refused"
    numbers = NUMBER.findall(output.text or "")
    if len(numbers) == 1:
        value = float(numbers[0].replace(",", "").replace("−", "-"))
        return (value, None) if math.isfinite(value) else (None, "unparsed")
    return None, "unparsed"


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """Words that are an answer by themselves."""

    text: str
    """Stripped; empty where the passage holds no answer."""
    reason: Reason | None = None
    """Why they are no answer."""


def read_text(output: Output) -> TextAnswer:
    """Free text as an answer: stripped. Empty is `unparsed`, a refusal `refused`; a span without words is an answer."""
    if isinstance(output.answer, SpanAnswer):
        return TextAnswer(output.answer.text.strip())
    text = (output.text or "").strip()
    if refused(output):
        return TextAnswer(text, "refused")
    return TextAnswer(text) if text else TextAnswer(text, "unparsed")


def right_texts(sample: Sample) -> tuple[str, ...]:
    """Everything that would be a right answer: the references, else the target; empty where there is neither."""
    return sample.references or (() if sample.target is None else (sample.target,))


def refused(output: Output) -> bool:
    """Whether a text refuses, by its finish reason or by its opening."""
    return output.finish_reason == "refusal" or refuses(output.text or "")


def probabilities(sample: Sample, output: Output) -> dict[str, float] | None:
    """Label to probability: a classifier's own, or a softmax over the options' scores by the rule's normaliser.

    Options of one label are summed. A softmax of log-likelihoods is the model's belief given that one of the options
    is the answer; per token or byte it is a temperature as well. Texts and similarities have none.
    """
    answer = output.answer
    if isinstance(answer, Probabilities):
        return dict(answer.classes) or None
    if not isinstance(answer, OptionScores):
        return None
    _check_number(sample, output)
    scores = answer.by(output.rule)
    scored = [score for score in scores if score is not None]
    if len(scored) < len(scores) or not scored:
        return None
    powers = [math.exp(score - max(scored)) for score in scored]
    shares: dict[str, float] = {}
    for choice, power in zip(sample.choices, powers, strict=True):
        shares[choice.label] = shares.get(choice.label, 0.0) + power / sum(powers)
    return shares


def _check_number(sample: Sample, output: Output) -> None:
    if not isinstance(output.answer, (OptionScores, Similarities)):
        return
    scores = output.answer.by(output.rule)
    if len(scores) != len(sample.choices):
        raise MeasurementError(
            f"{sample.id}: the output has {len(scores)} option scores for {len(sample.choices)} choices; "
            "the request was not built from this sample"
        )


def _read_text(sample: Sample, output: Output) -> AnswerReading:
    text = output.text or ""
    if output.finish_reason == "refusal":
        return AnswerReading(reason="refused")
    if not text.strip():
        return AnswerReading(reason="unparsed")
    if not sample.choices:
        return AnswerReading()
    if output.rule in _NAMED_RULES and text in sample.labels:
        return AnswerReading(label=text, options=(sample.labels.index(text),))
    if output.rule in _PARSED_RULES:
        index = read_option(text, [choice.text for choice in sample.choices])
        if index is not None:
            return AnswerReading(label=sample.choices[index].label, options=(index,))
    return AnswerReading(reason="refused" if refuses(text) else "unparsed")
