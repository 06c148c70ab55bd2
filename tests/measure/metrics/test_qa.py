"""Question answering: the official SQuAD normalisation on cases worked out by hand, and numbers."""

from __future__ import annotations

import pytest

from auditkit.measure.measurement import measure
from auditkit.measure.metrics.qa import exact_match, last_number, normalise, numeric_match, token_f1
from auditkit.schema import Output, Sample, SpanAnswer

from ..conftest import card, sample, says

V1 = {"normalisation": "SQuAD"}
V2 = {"normalisation": "SQuAD", "no_answer": "counts as an answer"}


def asked(*references: str, **fields: object) -> Sample:
    return sample(labels=(), references=references, **fields)


def span(text: str) -> Output:
    return Output(request="0", rule="span", answer=SpanAnswer(text=text, start=0, end=len(text), score=0.0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Denver Broncos!", "denver broncos"), ("an apple a day", "apple day"), ("U.S.A.", "usa"),
        ("theatre", "theatre"), ("10-year-old", "10yearold"), ("L’Oréal", "l’oréal"), ("the", ""), ("A.", ""),
    ],
)
def test_the_official_normalisation(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("said", "golds", "em", "f1"),
    [
        ("the Denver Broncos", ("Denver Broncos", "The Broncos"), 1.0, 1.0),
        # {santa, clara, california} and {santa, clara}: 2·2/(3 + 2)
        ("Santa Clara, California", ("Santa Clara",), 0.0, 0.8),
        # nearest of two: {gold} and {gold, anniversary} 2/3; {golden} 0
        ("gold", ("golden", "the gold anniversary"), 0.0, 2 / 3),
        # repeated words count as often as both have them: common 2 of 3 and 2
        ("yes yes yes", ("yes yes",), 0.0, 0.8),
        ("blue", ("red",), 0.0, 0.0),
        ("北京", ("北京",), 1.0, 1.0),
    ],
)
def test_exact_match_and_f1(said: str, golds: tuple[str, ...], em: float, f1: float) -> None:
    one = asked(*golds)
    assert exact_match(one, span(said), V1).value == em
    assert token_f1(one, says(said, rule="text"), V1).value == pytest.approx(f1)


@pytest.mark.parametrize(
    ("output", "expected"),
    [(span(""), 1.0), (span("Paris"), 0.0), (says("Unanswerable.", rule="text"), 1.0), (says("Paris"), 0.0)],
)
def test_no_answer_is_right_only_where_there_is_none(output: Output, expected: float) -> None:
    assert exact_match(asked(), output, V2).value == expected
    assert token_f1(asked(), output, V2).value == expected
    assert token_f1(asked("Paris"), span(""), V2).value == 0.0
    assert exact_match(asked(), output, V1).reason == "outside"


def test_missing_answers_are_unscored_and_wrong_ones_scored() -> None:
    one = asked("Paris")
    assert exact_match(one, says("  ", rule="text"), V1).reason == "unparsed"
    assert exact_match(one, says("I'm sorry, but I can't help with that.", rule="text"), V1).reason == "refused"
    assert exact_match(one, None, V1).reason == "not_run"
    assert exact_match(one, says("unanswerable", rule="text"), V1).value == 0.0


def test_extract_cards_know_questions_without_an_answer() -> None:
    samples = [asked("Paris"), sample("2", labels=())]
    outputs = {one.id: span("") for one in samples}
    uses = [{"metric": "exact_match", "arm": "all"}]
    (extract,) = measure(card(metrics=uses, request="extract"), samples, outputs).estimates
    (generate,) = measure(card(metrics=uses, request="generate"), samples, outputs).estimates
    assert (extract.value, extract.n) == (0.5, 2)
    assert (generate.value, generate.n, generate.unscored) == (0.0, 1, {"outside": 1})
    assert extract.signature["normalisation"] == "SQuAD"
    assert extract.signature != generate.signature


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She has 3 + 4 = 7 apples.", "7"), ("#### 1,250", "1250"), ("It costs $1,250.50.", "1250.50"),
        ("minus: -3", "-3"), ("between 5 and 10", "10"), ("1,5", "5"), ("no digits", None), ("B12", None),
        ("10-3", "3"), ("5kg", "5"), ("−4", "-4"),
    ],
)
def test_the_last_number(text: str, expected: str | None) -> None:
    found = last_number(text)
    assert (None if found is None else str(found)) == expected


def test_numbers_match_by_value() -> None:
    one = sample(labels=(), target="He pays 2 * 9 = <<2*9=18>>18 dollars.\n#### 18")
    assert numeric_match(one, says("So the answer is 18.00 dollars", rule="text")).value == 1.0
    assert numeric_match(one, says("18 or 19", rule="text")).value == 0.0
    assert numeric_match(one, says("eighteen", rule="text")).reason == "unparsed"
    assert numeric_match(one, says("I cannot help with that 18", rule="text")).reason == "refused"
    assert numeric_match(sample(labels=(), target="none"), says("18")).reason == "outside"
