"""Kinds of answers: how they are scored by a rule, shown, read and hidden."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

import pytest
from pydantic import ValidationError

from auditkit.schema import (
    Answer,
    AnswerPart,
    AnswerReading,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Similarities,
    SpanAnswer,
    Tags,
    Vector,
    digest,
)
from auditkit.schema.answer import AnswerKind, divisor

KINDS = get_args(get_args(Answer)[0])
TAGS: dict[str, Any] = {kind.model_fields["kind"].default: kind for kind in KINDS}


def options(*scores: tuple[float, int, int]) -> OptionScores:
    return OptionScores(options=tuple(OptionScore(sum=total, tokens=n, bytes=size) for total, n, size in scores))


@pytest.mark.parametrize(("rule", "expected"), [
    ("loglikelihood", 1), ("loglikelihood_per_token", 4), ("pseudo_loglikelihood_per_byte", 20), ("saved", 1),
])
def test_a_score_is_the_sum_or_its_share_a_token_or_byte(rule: str, expected: int) -> None:
    assert divisor(rule, 4, 20) == expected
    assert OptionScore(sum=-6.0, tokens=4, bytes=20).by(rule) == -6.0 / expected


@pytest.mark.parametrize("rule", ["loglikelihood", "loglikelihood_per_token", "loglikelihood_per_byte"])
def test_without_a_scored_token_there_is_no_score_by_any_rule(rule: str) -> None:
    answer = options((-1.0, 1, 1), (0.0, 0, 0))
    assert answer.by(rule) == (-1.0, None)
    assert answer.read(("a", "b"), rule) == AnswerReading(reason="unparsed")
    assert [dict(part.numbers) for part in answer.shown(rule)][1] == {"tokens": 0}


def test_the_rule_decides_which_option_is_read() -> None:
    answer = options((-4.0, 2, 40), (-3.0, 1, 10))
    labels = ("long", "short")
    assert answer.read(labels, "loglikelihood").label == "short"
    assert answer.read(labels, "loglikelihood_per_token").label == "long"
    assert answer.read(labels, "loglikelihood_per_token").margin == 1.0


def test_best_options_of_one_label_are_no_tie() -> None:
    answer = Similarities(values=(0.5, 0.25, 0.5))
    assert answer.read(("a", "b", "a"), "similarity") == AnswerReading(label="a", options=(0, 2), margin=0.25)
    assert answer.read(("a", "b", "c"), "similarity") == AnswerReading(reason="tied")
    assert answer.read(("a", "b"), "similarity") == AnswerReading(reason="unparsed")


def test_a_class_that_no_choice_bears_is_an_answer() -> None:
    answer = Probabilities(classes={"x": 0.75, "a": 0.25})
    assert answer.read(("a", "b"), "label") == AnswerReading(label="x", margin=0.5)
    assert answer.read((), "label") == AnswerReading(label="x", margin=0.5)
    assert answer.read(("x", "a", "x"), "label").options == (0, 2)


@pytest.mark.parametrize(("answer", "parts"), [
    (options((-6.0, 3, 12)), [AnswerPart("option", 0, None, {"log_likelihood": -6.0, "per_token": -2.0, "tokens": 3})]),
    (Similarities(values=(0.5,)), [AnswerPart("option", 0, None, {"cosine": 0.5})]),
    (Probabilities(classes={"a": 0.98}), [AnswerPart("class", 0, "a", {"probability": 0.98})]),
    (Number(value=0.0), [AnswerPart("answer", 0, None, {"value": 0.0})]),
    (Tags(tags=("O", "B-x")), [AnswerPart("word", 0, "O"), AnswerPart("word", 1, "B-x")]),
    (SpanAnswer(text="Oslo", start=3, end=7, score=1.5),
     [AnswerPart("answer", 0, "Oslo", {"start": 3, "end": 7, "score": 1.5})]),
    (SpanAnswer(text="", start=0, end=0, null_score=2.0), [AnswerPart("answer", 0, "", {"no_answer_score": 2.0})]),
    (FreeText(text="Yes."), [AnswerPart("answer", 0, "Yes.")]),
    (Vector(values=(1.0, 2.0)), [AnswerPart("answer", 0, None, {"dimensions": 2})]),
])
def test_every_kind_says_how_it_is_shown(answer: Any, parts: list[AnswerPart]) -> None:
    output = Output(request="0", rule="loglikelihood", answer=answer)
    assert list(output.shown()) == parts
    assert Output.model_validate_json(output.model_dump_json()) == output


def test_per_byte_rules_show_the_score_a_byte() -> None:
    (part,) = options((-6.0, 3, 12)).shown("loglikelihood_per_byte")
    assert part.numbers == {"log_likelihood": -6.0, "per_byte": -0.5, "tokens": 3}


def test_texts_are_hidden_and_nothing_else() -> None:
    span = SpanAnswer(text="Oslo", start=3, end=7)
    assert span.hidden() == SpanAnswer(text=digest("Oslo"), start=3, end=7)
    assert FreeText(text="Yes").hidden() == FreeText(text=digest("Yes"))
    tags = Tags(tags=("O",))
    assert tags.hidden() == tags


def test_a_kind_must_say_which_of_its_fields_are_texts() -> None:
    with pytest.raises(TypeError, match="Forgetful: name the fields that hold texts"):
        class Forgetful(AnswerKind):
            kind: Literal["forgetful"] = "forgetful"
            words: str

    class Careful(AnswerKind):
        texts: ClassVar[tuple[str, ...]] = ("words",)
        words: str

    assert Careful.texts == ("words",)


def test_every_tag_names_one_kind() -> None:
    assert len(TAGS) == len(KINDS) == 9
    with pytest.raises(ValidationError, match="gossip"):
        Output(request="0", rule="r", answer={"kind": "gossip"})  # type: ignore[arg-type]


def test_an_output_has_an_answer_or_an_error() -> None:
    with pytest.raises(ValidationError, match="either an answer or an error"):
        Output(request="0", rule="r")
    with pytest.raises(ValidationError, match="either an answer or an error"):
        Output(request="0", rule="r", answer=Number(value=1.0), error="boom")
    errored = Output(request="0", rule="r", error="boom")
    assert (errored.shown(), errored.text, errored.read(("a",))) == ((), None, AnswerReading(reason="errored"))
