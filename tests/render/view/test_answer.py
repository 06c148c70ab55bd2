"""What the page marks as a model's answer is what the metrics read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError
from auditkit.measure.answers import read, read_classes
from auditkit.pipeline.steps.evidence import evidence_of, hidden
from auditkit.render.view.answer import answer_view
from auditkit.schema import (
    Choice,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Sample,
    Similarities,
    Source,
    SpanAnswer,
    Tags,
    Vector,
)

LABELS = ("stereotype", "anti", "unknown", "true")
LIKELIHOODS = ("loglikelihood", "loglikelihood_per_token", "loglikelihood_per_byte", "saved")


def sample(labels: tuple[str, ...] | list[str], target: str | None = None, **fields: Any) -> Sample:
    choices = tuple(Choice(text=f"option {place}", label=label) for place, label in enumerate(labels))
    source = Source(file="rows.jsonl", line=1)
    return Sample(id="pack/1", benchmark="pack", origin="1", choices=choices, target=target, source=source, **fields)


def scores(count: int) -> st.SearchStrategy[OptionScores]:
    # few different values, so that sums tie where shares do not, and the other way round
    option = st.builds(
        OptionScore, sum=st.sampled_from((-6.0, -4.0, -3.0, -2.0)), tokens=st.sampled_from((0, 1, 2, 3, 3, 3)),
        bytes=st.sampled_from((4, 6, 12)),
    )
    return st.builds(OptionScores, options=st.lists(option, min_size=count, max_size=count).map(tuple))


@st.composite
def answered(draw: st.DrawFn) -> tuple[Sample, Output]:
    """Any sample with any answer, whether or not a model would give it."""
    labels = draw(st.lists(st.sampled_from(LABELS), max_size=4))
    item = sample(labels, draw(st.sampled_from((None, *LABELS))))
    cosine = st.sampled_from((-0.5, 0.25, 0.75))
    text = st.sampled_from((
        "A", "B.", "The answer is (C).", "option 0", "option 1, and not option 0", "stereotype", "unknown", "", " ",
        "I'm sorry, but I can't help with that.", "something else",
    ))
    answer = draw(st.one_of(
        scores(len(labels)),
        st.builds(Similarities, values=st.lists(cosine, min_size=len(labels), max_size=len(labels)).map(tuple)),
        st.builds(Probabilities, classes=st.dictionaries(
            st.sampled_from((*LABELS, "class of no choice")), st.sampled_from((0.1, 0.25, 0.5, 0.75)), max_size=4,
        )),
        st.builds(FreeText, text=text),
        st.just(Number(value=1.5)), st.just(Tags(tags=("B-x", "O"))), st.just(Vector(values=(1.0,))),
        st.just(SpanAnswer(text="option 0", start=0, end=8)),
    ))
    rule = draw(st.sampled_from((*LIKELIHOODS, "letter", "text", "label", "probabilities", "similarity")))
    finish = draw(st.sampled_from((None, None, "stop", "refusal")))
    return item, Output(request="0" * 64, rule=rule, answer=answer, finish_reason=finish)


@pytest.mark.slow
@given(answered(), st.booleans())
@settings(max_examples=1500, deadline=None)
def test_the_page_marks_what_measure_read(pair: tuple[Sample, Output], hide: bool) -> None:
    item, output = pair
    evidence = evidence_of(item, output, {})
    view = answer_view(hidden(evidence) if hide else evidence)
    marked = {option.label for option in view.options if option.picked}
    several = output.rule == "probabilities" and item.several and isinstance(output.answer, Probabilities)
    if several:
        assert marked == read_classes(output).names & set(item.labels)
        assert not view.unread
        return
    reading = read(item, output)
    assert marked == ({reading.label} if reading.label is not None else set())
    assert bool(view.unread) is (reading.reason is not None and bool(item.choices))
    if isinstance(output.answer, (OptionScores, Similarities)) and reading.label is not None:
        values = output.answer.by(output.rule)
        assert {values[place] for place, option in enumerate(view.options) if option.picked} == {max(values)}


@pytest.mark.parametrize("answer", [None, "errored"])
def test_nothing_is_marked_where_nothing_was_answered(answer: str | None) -> None:
    output = None if answer is None else Output(request="0" * 64, rule="loglikelihood", error="boom")
    view = answer_view(evidence_of(sample(("true", "false")), output, {}))
    assert [option.picked for option in view.options] == [False, False]
    assert (view.columns, view.statements, view.unread) == ((), (), "")


def test_scores_of_another_number_than_the_choices_mark_nothing() -> None:
    item = sample(("true", "false"))
    output = Output(request="0" * 64, rule="similarity", answer=Similarities(values=(0.5,)))
    with pytest.raises(MeasurementError, match="1 option scores for 2 choices"):
        read(item, output)
    assert not any(option.picked for option in answer_view(evidence_of(item, output, {})).options)


def test_similarities_are_shown() -> None:
    output = Output(request="0" * 64, rule="similarity", answer=Similarities(values=(0.5, -0.25)))
    view = answer_view(evidence_of(sample(("true", "false"), "true"), output, {}))
    assert view.columns == ("Cosine similarity",)
    assert [(option.numbers, option.picked, option.target) for option in view.options] == [
        (("0.5",), True, True), (("−0.25",), False, False),
    ]


def test_classes_that_no_choice_stands_for_have_their_own_rows() -> None:
    output = Output(request="0" * 64, rule="label", answer=Probabilities(classes={"true": 0.25, "maybe": 0.75}))
    view = answer_view(evidence_of(sample(("true", "false"), "true"), output, {}))
    assert [(option.label, option.numbers[0], option.picked) for option in view.options] == [
        ("true", "25.0\u00a0%", False), ("false", "–", False), ("maybe", "75.0\u00a0%", True),
    ]
    assert view.unread == ""
    free = answer_view(evidence_of(sample(()), output, {}))
    assert [(option.label, option.picked) for option in free.options] == [("true", False), ("maybe", True)]


@pytest.mark.parametrize(("answer", "text", "facts"), [
    (FreeText(text="Yes."), "Yes.", {}),
    (Number(value=-1.5), None, {"Value": "−1.5"}),
    (SpanAnswer(text="Oslo", start=3, end=7, score=1.5), "Oslo", {"First character": "3", "End": "7", "Score": "1.5"}),
    (Tags(tags=("B-place", "O")), "Oslo/B-place sleeps/O", {}),
    (Vector(values=(0.0,) * 2000), None, {"Dimensions": "2,000"}),
])
def test_what_is_no_choice_is_a_statement(answer: Any, text: str | None, facts: dict[str, str]) -> None:
    item = sample((), words=("Oslo", "sleeps"))
    view = answer_view(evidence_of(item, Output(request="0" * 64, rule="r", answer=answer), {}))
    (statement,) = view.statements
    assert (statement.text, {fact.name: fact.text for fact in statement.facts}) == (text, facts)
    assert (view.options, view.unread) == ((), "")
