"""What an output answers: the only place where option scores, texts and probabilities become a label."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.errors import MeasurementError
from auditkit.measure.scorers.letters import read_option
from auditkit.measure.scorers.refusal import refuses
from auditkit.schema import OptionScore, Output, Reason, Sample, Score

_PARSED_RULES = ("letter", "text", "saved")
_GRAVEST: tuple[Reason, ...] = ("errored", "not_run", "refused", "unparsed", "tied")
"""Which reason stands for an origin whose twins are unscored for several."""
NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
"""A number: digits with a sign, a decimal point, and commas between thousands."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as read: a label, free text, or the reason why there is neither."""

    label: str | None
    """Label of the choice."""
    reason: Reason | None = None
    """Why there is no answer."""
    text: str | None = None
    """The model's text, where it wrote one."""
    margin: float = 0.0
    """How far the answer is ahead of the best other label, in the rule's unit, at least 0; 0 where it has no scores."""

    def score(self, sample: Sample, metric: str, values: Mapping[str, float]) -> Score:
        """The score of this answer.

        Args:
            sample: the sample.
            metric: name of the metric.
            values: label to value; an answer with another label is outside the metric's denominator.
        """
        reason: Reason | None = self.reason
        value = None if reason is not None or self.label is None else values.get(self.label)
        if value is None and reason is None:
            reason = "outside"
        return Score(sample_id=sample.id, metric=metric, value=value, reason=reason, answer=self.label)


def read(sample: Sample, output: Output | None) -> Answer:
    """Read what a model answered to a sample.

    Option scores: the highest by the rule's normaliser; two best options with different labels are `tied`, exactly.
    Similarities: the highest, likewise.
    Probabilities: the most likely class; a class that no choice bears is `unparsed`. Text under the rules `letter` and
    `text`: a letter or an option's own text, anchored; under `saved` (predictions whose rule is not known) also a
    choice's label, exactly. A text that opens with a refusal, or a finish reason `refusal`,
    is `refused`; any other text is `unparsed`. Without choices the text itself is the answer: a span's words, or what
    was written.

    Raises:
        MeasurementError: the output has another number of options than the sample has choices.
    """
    if output is None:
        return Answer(None, "not_run")
    if output.error is not None:
        return Answer(None, "errored", output.text)
    if output.options is not None:
        return _by_score(sample, output.rule, output.options)
    if output.similarities is not None:
        _same_number(sample, len(output.similarities))
        return _best(_by_label(sample, list(output.similarities)))
    if output.probabilities is not None:
        return _by_probability(sample, output.probabilities)
    if output.span is not None:
        return Answer(None, None, output.span.text)
    return _by_text(sample, output)


def read_twins(
    samples: Sequence[Sample], outputs: Sequence[Output | None]
) -> tuple[list[Answer], Reason | None]:
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
    if output.probabilities is None:
        return Classes(None, "refused" if refused(output) else "unparsed")
    return Classes(frozenset(name for name, value in output.probabilities.items() if value >= 0.5))


def read_number(output: Output) -> tuple[float | None, Reason | None]:
    """A regression's number; of a text, the only number that it holds.

    A text that refuses is `refused`, whatever it holds; one with no number, or several, is `unparsed`.
    """
    if output.number is not None:
        return output.number, None
    if refused(output):
        return None, "refused"
    found = NUMBER.findall(output.text or "")
    if len(found) == 1:
        value = float(found[0].replace(",", "").replace("−", "-"))
        return (value, None) if math.isfinite(value) else (None, "unparsed")
    return None, "unparsed"


def read_text(output: Output) -> Answer:
    """Free text as an answer: stripped. Empty is `unparsed`, a refusal `refused`; a span without words is an answer."""
    if output.span is not None:
        return Answer(None, None, output.span.text.strip())
    text = (output.text or "").strip()
    if refused(output):
        return Answer(None, "refused", text)
    return Answer(None, None, text) if text else Answer(None, "unparsed", text)


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
    if output.probabilities:
        return dict(output.probabilities)
    if output.options is None:
        return None
    _same_number(sample, len(output.options))
    scores = [normalised(option, output.rule) for option in output.options]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores) or not known:
        return None
    powers = [math.exp(score - max(known)) for score in known]
    found: dict[str, float] = {}
    for choice, power in zip(sample.choices, powers, strict=True):
        found[choice.label] = found.get(choice.label, 0.0) + power / sum(powers)
    return found


def normalised(option: OptionScore, rule: str) -> float | None:
    """An option's score by the rule's normaliser: nats, per token or byte where it says so; `None` if none scored."""
    if option.tokens == 0:
        return None
    if rule.endswith("_per_token"):
        return option.sum / option.tokens
    if rule.endswith("_per_byte"):
        return option.sum / option.bytes if option.bytes else None
    return option.sum


def _by_score(sample: Sample, rule: str, options: tuple[OptionScore, ...]) -> Answer:
    _same_number(sample, len(options))
    values = [normalised(option, rule) for option in options]
    scored = [value for value in values if value is not None]
    if len(scored) < len(values):
        return Answer(None, "unparsed")
    return _best(_by_label(sample, scored))


def _same_number(sample: Sample, options: int) -> None:
    if options != len(sample.choices):
        raise MeasurementError(
            f"{sample.id}: the output has {options} option scores for {len(sample.choices)} choices; "
            "the request was not built from this sample"
        )


def _by_label(sample: Sample, scored: list[float]) -> dict[str, float]:
    best: dict[str, float] = {}
    for choice, value in zip(sample.choices, scored, strict=True):
        best[choice.label] = max(value, best.get(choice.label, value))
    return best


def _best(by_label: Mapping[str, float]) -> Answer:
    ranked = sorted(by_label.values(), reverse=True)
    if len(ranked) > 1 and ranked[0] == ranked[1]:
        return Answer(None, "tied")
    label = next(name for name, value in by_label.items() if value == ranked[0])
    return Answer(label, margin=ranked[0] - ranked[1] if len(ranked) > 1 else 0.0)


def _by_probability(sample: Sample, probabilities: Mapping[str, float]) -> Answer:
    if not probabilities:
        return Answer(None, "unparsed")
    answer = _best(probabilities)
    if answer.label is not None and sample.choices and answer.label not in sample.labels:
        return Answer(None, "unparsed", answer.label)
    return answer


def _by_text(sample: Sample, output: Output) -> Answer:
    text = output.text
    if output.finish_reason == "refusal":
        return Answer(None, "refused", text)
    if text is None or not text.strip():
        return Answer(None, "unparsed", text)
    if not sample.choices:
        return Answer(None, None, text)
    if output.rule == "saved" and text in sample.labels:
        return Answer(text, None, text)
    if output.rule in _PARSED_RULES:
        index = read_option(text, [choice.text for choice in sample.choices])
        if index is not None:
            return Answer(sample.choices[index].label, None, text)
    return Answer(None, "refused" if refuses(text) else "unparsed", text)
