"""What a model answered to a cited sample: its scores by option and class, its words, and what they were read as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.findings import Fact
from auditkit.render.words.numbers import amount_of
from auditkit.render.words.wording import QUANTITIES, REASONS
from auditkit.schema import AnswerPart, Evidence, Quantity, Sample

ABSENT = "–"


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
    """An answer that is no choice among options: a text, a span, a number, tags."""

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


def answer_view(evidence: Evidence) -> AnswerView:
    """The answer of one cited sample, ready to draw."""
    sample = evidence.sample
    parts = evidence.output.shown() if evidence.output else ()
    scores = [part for part in parts if part.of in ("option", "class")]
    columns: tuple[Quantity, ...] = tuple(dict.fromkeys(name for part in scores for name in part.numbers))
    reading = evidence.read()
    chosen = reading.reason in ("tied", "unparsed", "refused") and sample.choices
    return AnswerView(
        columns=tuple(QUANTITIES[name] for name in columns),
        options=_options(evidence, scores, columns),
        unread=REASONS[reading.reason][1] if chosen and reading.reason else "",
        statements=_statements(sample, [part for part in parts if part not in scores]),
    )


def _options(
    evidence: Evidence, scores: Sequence[AnswerPart], columns: Sequence[Quantity]
) -> tuple[OptionView, ...]:
    """The choices in their order, then the classes that no choice stands for."""
    sample, reading = evidence.sample, evidence.read()
    by_place = {part.place: part for part in scores if part.of == "option"}
    by_class = {part.text: part for part in scores if part.of == "class"}
    views = [
        OptionView(
            text=choice.text, label=choice.label, group=choice.group or ABSENT,
            numbers=_numbers(by_place.get(place) or by_class.get(choice.label), columns),
            picked=place in reading.options,
            target=sample.target is not None and sample.target == choice.label,
        )
        for place, choice in enumerate(sample.choices)
    ]
    views += [
        OptionView(
            text=ABSENT, label=name or "", group=ABSENT, numbers=_numbers(part, columns),
            picked=not sample.choices and name == reading.label, target=name == sample.target,
        )
        for name, part in by_class.items() if name not in sample.labels
    ]
    return tuple(views)


def _numbers(part: AnswerPart | None, columns: Sequence[Quantity]) -> tuple[str, ...]:
    numbers = {} if part is None else part.numbers
    return tuple(amount_of(name, numbers[name]) if name in numbers else ABSENT for name in columns)


def _statements(sample: Sample, parts: Sequence[AnswerPart]) -> tuple[StatementView, ...]:
    tags = [part for part in parts if part.of == "word"]
    views = [
        StatementView(part.text, tuple(Fact(QUANTITIES[name], amount_of(name, n)) for name, n in part.numbers.items()))
        for part in parts if part.of == "answer"
    ]
    if tags:
        words = [*sample.words, *[""] * len(tags)]
        views.append(StatementView(" ".join(f"{words[tag.place]}/{tag.text}" for tag in tags), ()))
    return tuple(views)
