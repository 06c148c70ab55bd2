"""What a model answered: a record for each kind of answer, how it is shown, and which choice it names.

Everyone who reads an answer reads it by these functions: metrics, the page, `auditkit show`, the exported predictions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, Union

from pydantic import Field, model_validator

from auditkit.schema.base import Record, Text, repair
from auditkit.schema.estimate import Reason, Score
from auditkit.schema.jcs import digest
from auditkit.schema.sample import Sample

Quantity = Literal[
    "log_likelihood", "per_token", "per_byte", "tokens", "probability", "cosine", "value", "start", "end", "score",
    "no_answer_score", "dimensions",
]
"""What a number of an answer is."""


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer as people see it. Whoever shows it names the numbers and gives them their digits."""

    of: Literal["option", "class", "word", "answer"]
    """What it is of: an option of the request, a class of the model, a word to tag, or the whole answer."""
    place: int = 0
    """Index of the option or word."""
    text: str | None = None
    """Name of the class, tag of the word, or what was said; `None` where there are only numbers."""
    numbers: Mapping[Quantity, float] = field(default_factory=dict)
    """In the order in which they are shown."""


class AnswerReading(Record):
    """Which choice of its sample an answer names, or why it names none.

    Neither a label nor a reason means that the answer is words of its own.
    """

    label: str | None = None
    """Label of the choice, or the class where the sample offers no choices."""
    reason: Reason | None = None
    """Why there is no answer."""
    options: tuple[int, ...] = ()
    """Indices of the choices that it names: several only where they bear the same label."""
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
            reason = "unparsed" if sample.choices and self.label not in sample.labels else "outside"
        return Score(sample_id=sample.id, metric=metric, value=value, reason=reason, answer=self.label)


class AnswerKind(Record):
    """What every kind of answer can do. A new kind joins the union `Answer`."""

    texts: ClassVar[tuple[str, ...]]
    """Fields that hold words of the row or of the model, which an audit without texts must hide. Names of classes and
    tags are none: they are the model's vocabulary. Each kind says it for itself, be it `()`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a kind that does not say which of its fields are texts."""
        super().__pydantic_init_subclass__(**kwargs)
        if "texts" not in cls.__dict__:
            raise TypeError(f"{cls.__name__}: name the fields that hold texts: texts: ClassVar[tuple[str, ...]] = ()")

    @abstractmethod
    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """The answer as data to show, in the order of options, classes or words.

        Args:
            rule: the request's, by which scores are normalised.
        """

    def read(self, labels: Sequence[str], rule: str) -> AnswerReading | None:
        """Which choice the answer names; `None` for a text, which patterns must read.

        Args:
            labels: of the sample's choices, in order; none where it has no choices.
            rule: the request's.
        """
        return AnswerReading(reason="unparsed")

    def hidden(self) -> Self:
        """The same answer with the hashes of its texts in their place."""
        return self.model_copy(update={name: digest(getattr(self, name)) for name in self.texts})


def divisor(rule: str, tokens: int, size: int) -> int | None:
    """What the sum of an option's log-probabilities is divided by: its tokens or bytes where the rule's name ends so.

    Args:
        rule: the request's.
        tokens: number of scored tokens.
        size: UTF-8 bytes of the scored text.

    Returns:
        1 for a rule of sums; `None` where no token was scored, so that there is no score.
    """
    if tokens == 0:
        return None
    if rule.endswith("_per_byte"):
        return size or None
    return tokens if rule.endswith("_per_token") else 1


class OptionScore(Record):
    """Log-likelihood of the scored tokens of one option."""

    sum: float
    """Sum of the log-probabilities (nats, at most 0), accumulated in float64."""
    tokens: int
    """Number of scored tokens."""
    bytes: int
    """UTF-8 bytes of the scored text."""
    logprobs: tuple[float, ...] = ()
    """Log-probability of each scored token, in order."""
    merged: bool = False
    """True where the tokenizer merged the boundary between context and option."""

    def by(self, rule: str) -> float | None:
        """The score by a rule, in nats, nats a token or nats a byte; `None` where no token was scored."""
        count = divisor(rule, self.tokens, self.bytes)
        return None if count is None else self.sum / count


class OptionScores(AnswerKind):
    """Log-likelihoods of the options."""

    texts: ClassVar[tuple[str, ...]] = ()

    kind: Literal["options"] = "options"
    """Tag of the union."""
    options: tuple[OptionScore, ...]
    """One score an option, in the request's order."""

    def by(self, rule: str) -> tuple[float | None, ...]:
        """Score of each option by a rule."""
        return tuple(option.by(rule) for option in self.options)

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part an option; without tokens it has no log-likelihood."""
        unit: Quantity = "per_byte" if rule.endswith("_per_byte") else "per_token"
        parts = []
        for place, option in enumerate(self.options):
            mean = option.by(f"_{unit}")
            scores: dict[Quantity, float] = {} if mean is None else {"log_likelihood": option.sum, unit: mean}
            parts.append(AnswerPart("option", place, numbers={**scores, "tokens": option.tokens}))
        return tuple(parts)

    def read(self, labels: Sequence[str], rule: str) -> AnswerReading:
        """The highest by the rule; two best options of different labels are `tied`, exactly.

        Where an option has no scored token, or their number is not that of the choices, it is `unparsed`.
        """
        return _highest(self.by(rule), labels)


class Similarities(AnswerKind):
    """Cosine of a text's embedding with each option's."""

    texts: ClassVar[tuple[str, ...]] = ()

    kind: Literal["similarities"] = "similarities"
    """Tag of the union."""
    values: tuple[float, ...]
    """One an option, in the request's order, −1 to 1."""

    def by(self, rule: str) -> tuple[float, ...]:
        """The values: no rule changes them."""
        return self.values

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part an option."""
        return tuple(AnswerPart("option", place, numbers={"cosine": value}) for place, value in enumerate(self.values))

    def read(self, labels: Sequence[str], rule: str) -> AnswerReading:
        """The highest; see `OptionScores.read`."""
        return _highest(self.values, labels)


class Probabilities(AnswerKind):
    """A classifier's probability of each class."""

    texts: ClassVar[tuple[str, ...]] = ()

    kind: Literal["probabilities"] = "probabilities"
    """Tag of the union."""
    classes: dict[str, float]
    """Class to probability; those of several classes of one text need not sum to 1."""

    def likely(self) -> frozenset[str]:
        """Every class with a probability of at least one half, perhaps none: what a multi-label model answers."""
        return frozenset(name for name, share in self.classes.items() if share >= 0.5)

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part a class."""
        return tuple(
            AnswerPart("class", text=name, numbers={"probability": share}) for name, share in self.classes.items()
        )

    def read(self, labels: Sequence[str], rule: str) -> AnswerReading:
        """The most likely class, exact ties `tied`. A class that no choice bears is an answer too, and a wrong one: a
        model of three classes may be asked about rows of two."""
        best = _best(self.classes)
        if best.label is None or not labels:
            return AnswerReading(label=best.label, reason=best.reason, margin=best.margin)
        places = tuple(place for place, label in enumerate(labels) if label == best.label)
        return AnswerReading(label=best.label, options=places, margin=best.margin)


class ClassName(AnswerKind):
    """A class of the model's own that the rows do not hold, named without a probability: a wrong answer, and no text
    that could not be read. It comes from a user's file, where it may be any words: an audit without texts hides it."""

    texts: ClassVar[tuple[str, ...]] = ("name",)

    kind: Literal["class"] = "class"
    """Tag of the union."""
    name: Text
    """The class."""

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part."""
        return (AnswerPart("answer", text=self.name),)

    def read(self, labels: Sequence[str], rule: str) -> AnswerReading:
        """The class itself."""
        return AnswerReading(label=self.name)


class Number(AnswerKind):
    """A regression's value."""

    texts: ClassVar[tuple[str, ...]] = ()

    kind: Literal["number"] = "number"
    """Tag of the union."""
    value: float
    """In the unit that the model was trained on."""

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part."""
        return (AnswerPart("answer", numbers={"value": self.value}),)


class Tags(AnswerKind):
    """A tag for each word."""

    texts: ClassVar[tuple[str, ...]] = ()

    kind: Literal["tags"] = "tags"
    """Tag of the union."""
    tags: tuple[Text, ...]
    """One a word of the request, in order."""

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part a word."""
        return tuple(AnswerPart("word", place, tag) for place, tag in enumerate(self.tags))


class SpanAnswer(AnswerKind):
    """A stretch of the passage, or the answer that there is none."""

    texts: ClassVar[tuple[str, ...]] = ("text",)

    kind: Literal["span"] = "span"
    """Tag of the union."""
    text: Text
    """The words of the passage; empty where the model finds no answer."""
    start: int
    """First character in the passage; 0 where there is no answer."""
    end: int
    """One past the last character."""
    score: float | None = None
    """Score of the best span: sum of its start and end logits, best over the windows; absent where it is not known."""
    null_score: float | None = None
    """Score of `no answer`, where the model was trained to give one."""

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part."""
        numbers: dict[Quantity, float] = {"start": self.start, "end": self.end} if self.text else {}
        if self.score is not None:
            numbers["score"] = self.score
        if self.null_score is not None:
            numbers["no_answer_score"] = self.null_score
        return (AnswerPart("answer", text=self.text, numbers=numbers),)

    def read(self, labels: Sequence[str], rule: str) -> AnswerReading:
        """Words of its own."""
        return AnswerReading()


class FreeText(AnswerKind):
    """A text that the model wrote."""

    texts: ClassVar[tuple[str, ...]] = ("text",)

    kind: Literal["text"] = "text"
    """Tag of the union."""
    text: str
    """Valid Unicode; empty where nothing was written."""
    repaired: bool = False
    """True where the text held lone surrogates, replaced by U+FFFD."""

    @model_validator(mode="before")
    @classmethod
    def _repair(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("text"), str):
            text, repaired = repair(data["text"])
            if repaired:
                return {**data, "text": text, "repaired": True}
        return data

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """One part."""
        return (AnswerPart("answer", text=self.text),)

    def read(self, labels: Sequence[str], rule: str) -> None:
        """Nothing: a text is read by patterns."""


class Vector(AnswerKind):
    """The embedding of a text."""

    texts: ClassVar[tuple[str, ...]] = ()

    kind: Literal["vector"] = "vector"
    """Tag of the union."""
    values: tuple[float, ...]
    """One number a dimension."""

    def shown(self, rule: str) -> tuple[AnswerPart, ...]:
        """How many numbers it has."""
        return (AnswerPart("answer", numbers={"dimensions": len(self.values)}),)


Answer = Annotated[
    Union[OptionScores, Probabilities, Number, Tags, SpanAnswer, FreeText, Similarities, Vector, ClassName],
    Field(discriminator="kind"),
]
"""Any kind of answer."""


def _highest(scores: Sequence[float | None], labels: Sequence[str]) -> AnswerReading:
    """The highest score, the best of each label counting for it."""
    values = [score for score in scores if score is not None]
    if not values or not len(values) == len(scores) == len(labels):
        return AnswerReading(reason="unparsed")
    by_label: dict[str, float] = {}
    for label, value in zip(labels, values, strict=True):
        by_label[label] = max(value, by_label.get(label, value))
    best = _best(by_label)
    if best.label is None:
        return AnswerReading(reason=best.reason)
    top = by_label[best.label]
    places = tuple(place for place, value in enumerate(values) if value == top)
    return AnswerReading(label=best.label, options=places, margin=best.margin)


class _Best(NamedTuple):
    """The label ahead of all others, by how much, or why there is none."""

    label: str | None = None
    margin: float = 0.0
    reason: Reason | None = None


def _best(by_label: Mapping[str, float]) -> _Best:
    ranked = sorted(by_label.values(), reverse=True)
    if not ranked:
        return _Best(reason="unparsed")
    if len(ranked) > 1 and ranked[0] == ranked[1]:
        return _Best(reason="tied")
    label = next(name for name, value in by_label.items() if value == ranked[0])
    return _Best(label, ranked[0] - ranked[1] if len(ranked) > 1 else 0.0)
