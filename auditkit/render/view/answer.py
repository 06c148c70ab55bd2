"""What a model answered to a cited sample: its scores by option and class, its words, and what they were read as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.facts import Fact
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import DASH, NATS, PERCENT, count, number
from auditkit.schema import AnswerPart, Evidence, Quantity, Sample


@dataclass(frozen=True)
class OptionView:
    """One option or class and how the model scored it."""

    text: str
    label: str
    group: str
    numbers: tuple[str, ...]
    """One a column of the table; a dash where there is none."""
    picked: bool
    """Whether it is the model's answer, as the metrics read it."""
    target: bool


@dataclass(frozen=True)
class StatementView:
    """An answer that is not a choice among options: a text, a span, a number, tags."""

    text: str | None
    """Hostile words; `None` where there are only numbers."""
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class AnswerView:
    """One answer."""

    columns: tuple[str, ...]
    """What the scores are; empty where there are none."""
    options: tuple[OptionView, ...]
    unread: str
    """Why no option is the answer; empty where one is, or where nothing is to be chosen."""
    statements: tuple[StatementView, ...]

    @property
    def headings(self) -> list[tuple[str, str]]:
        """The columns as the table's head takes them, on the right."""
        return [(column, "r") for column in self.columns]


def answer_view(evidence: Evidence) -> AnswerView:
    """The answer of one cited sample, ready to draw."""
    sample = evidence.sample
    parts = evidence.output.shown() if evidence.output else ()
    scores = [part for part in parts if part.of in ("option", "class")]
    columns: tuple[Quantity, ...] = tuple(dict.fromkeys(name for part in scores for name in part.numbers))
    unread = evidence.unread()
    return AnswerView(
        columns=tuple(say(f"cases.quantity.{name}") for name in columns),
        options=_options(evidence, scores, columns),
        unread=say("cases.unread", reason=say(f"terms.meaning.{unread}")) if unread else "",
        statements=_statements(sample, [part for part in parts if part not in scores]),
    )


def amount(quantity: Quantity, value: float) -> str:
    """A number of an answer, with the digits that its quantity deserves."""
    if isinstance(value, int):
        return count(value)
    if quantity == "probability":
        return PERCENT.full(value)
    return NATS.bare(value) if quantity in ("log_likelihood", "per_token", "per_byte") else number(value)


def _options(
    evidence: Evidence, scores: Sequence[AnswerPart], columns: Sequence[Quantity]
) -> tuple[OptionView, ...]:
    """The choices in their order, then the classes that no choice stands for."""
    sample, reading = evidence.sample, evidence.read()
    is_single = evidence.several_classes() is None
    by_place = {part.place: part for part in scores if part.of == "option"}
    by_class = {part.text: part for part in scores if part.of == "class"}
    views = [
        OptionView(
            text=choice.text, label=choice.label, group=choice.group or DASH,
            numbers=_numbers(by_place.get(place) or by_class.get(choice.label), columns),
            picked=picked,
            target=sample.target is not None and sample.target == choice.label,
        )
        for place, (choice, picked) in enumerate(zip(sample.choices, evidence.picked(), strict=True))
    ]
    views += [
        OptionView(
            text=DASH, label=name or "", group=DASH, numbers=_numbers(part, columns),
            picked=is_single and name == reading.label, target=name == sample.target,
        )
        for name, part in by_class.items() if name not in sample.labels
    ]
    return tuple(views)


def _numbers(part: AnswerPart | None, columns: Sequence[Quantity]) -> tuple[str, ...]:
    numbers = {} if part is None else part.numbers
    return tuple(amount(name, numbers[name]) if name in numbers else DASH for name in columns)


def _statements(sample: Sample, parts: Sequence[AnswerPart]) -> tuple[StatementView, ...]:
    tags = [part for part in parts if part.of == "word"]
    views = [
        StatementView(part.text, _facts(part)) for part in parts if part.of == "answer"
    ]
    if tags:
        words = [*sample.words, *[""] * len(tags)]
        views.append(StatementView(" ".join(f"{words[tag.place]}/{tag.text}" for tag in tags), ()))
    return tuple(views)


def _facts(part: AnswerPart) -> tuple[Fact, ...]:
    return tuple(Fact(say(f"cases.quantity.{name}"), amount(name, value)) for name, value in part.numbers.items())
