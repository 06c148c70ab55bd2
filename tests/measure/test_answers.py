"""Option scores, probabilities and texts become a label, or one of five reasons."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from auditkit.errors import MeasurementError
from auditkit.measure.answers import Classes, read, read_classes, read_number, read_text
from auditkit.schema import Number, OptionScore, OptionScores, Output, Probabilities, Similarities, SpanAnswer

from .conftest import sample, says, scored


def test_the_best_option_by_each_normaliser() -> None:
    options = (OptionScore(sum=-4.0, tokens=2, bytes=40), OptionScore(sum=-3.0, tokens=1, bytes=10),
               OptionScore(sum=-3.9, tokens=3, bytes=20))
    found = {
        rule: read(sample(), Output(request="0", rule=rule, answer=OptionScores(options=options))).label
        for rule in ("loglikelihood", "loglikelihood_per_token", "loglikelihood_per_byte",
                     "pseudo_loglikelihood", "pseudo_loglikelihood_per_token", "pseudo_loglikelihood_per_byte")
    }
    # By hand: sums -4, -3, -3.9; per token -2, -3, -1.3; per byte -.1, -.3, -.195.
    assert list(found.values()) == ["anti", "unknown", "stereotype"] * 2


def test_the_margin_is_the_lead_over_the_next_label() -> None:
    assert read(sample(), scored(-5.0, -2.0, -3.5)).margin == 1.5


def test_an_exact_tie_of_the_best_is_tied_and_nothing_else_is() -> None:
    assert read(sample(), scored(-1.0, -1.0, -2.0)).reason == "tied"
    assert read(sample(), scored(-1.0, -2.0, -2.0)).label == "stereotype"
    assert read(sample(), scored(-1.0, -1.0 - 1e-12, -2.0)).label == "stereotype"


def test_two_best_options_with_one_label_are_no_tie() -> None:
    assert read(sample(labels=("true", "true", "false")), scored(-1.0, -1.0, -2.0)).label == "true"


def test_non_finite_scores_cannot_be_recorded() -> None:
    for value in (float("nan"), float("-inf")):
        with pytest.raises(ValidationError):
            scored(value, -1.0, -1.0)


def test_an_option_without_scored_tokens_is_unparsed() -> None:
    assert read(sample(), scored(-1.0, -2.0, -3.0, tokens=0)).reason == "unparsed"


def test_another_number_of_options_is_an_error_not_an_answer() -> None:
    with pytest.raises(MeasurementError, match="p/1: the output has 2 option scores for 3 choices"):
        read(sample(), scored(-1.0, -2.0))


def test_not_run_and_errored_are_told_apart() -> None:
    assert read(sample(), None).reason == "not_run"
    assert read(sample(), Output(request="0", rule="letter", error="boom")).reason == "errored"


def test_four_counts_for_four_failures() -> None:
    outputs = [says("I'm sorry, but I can't help with that."), says("Well, it depends."), scored(-1, -1, -1),
               Output(request="0", rule="letter", error="boom")]
    assert [read(sample(), output).reason for output in outputs] == ["refused", "unparsed", "tied", "errored"]


@pytest.mark.parametrize("text", ["B", "the anti one"])
def test_text_under_a_likelihood_rule_is_no_answer(text: str) -> None:
    assert read(sample(), says(text, rule="letter")).label == "anti"
    assert read(sample(), says(text, rule="loglikelihood")).reason == "unparsed"


def test_a_finish_reason_refuses_whatever_the_text() -> None:
    assert read(sample(), says("B", finish_reason="refusal")).reason == "refused"


def test_nothing_at_all_is_unparsed() -> None:
    assert read(sample(), says("")).reason == "unparsed"
    assert read(sample(), says("  ")).reason == "unparsed"


@pytest.mark.parametrize("text", ["-1", "Answer: -1", "[-1]", "?"])
def test_an_unparsed_text_never_selects_the_last_option(text: str) -> None:
    assert read(sample(), says(text)) == read(sample(), says(text))
    assert read(sample(), says(text)).label is None


def test_probabilities_by_class_name() -> None:
    def classified(**probabilities: float) -> Output:
        return Output(request="0", rule="label", answer=Probabilities(classes=probabilities))

    one = sample(labels=("true", "false"))
    assert read(one, classified(true=0.2, false=0.8)).label == "false"
    assert read(one, classified(true=0.5, false=0.5)).reason == "tied"
    other = read(one, classified(neutral=0.6, true=0.4))
    assert (other.label, other.options, other.reason) == ("neutral", (), None)
    assert read(one, Output(request="0", rule="label", answer=Probabilities(classes={}))).reason == "unparsed"


def test_free_text_is_the_answer_where_nothing_is_offered() -> None:
    free = sample(labels=())
    reading = read(free, says("Once upon a time", rule="text"))
    assert (reading.label, reading.reason, reading.options) == (None, None, ())


def test_the_most_similar_option_and_its_ties() -> None:
    def like(*values: float) -> Output:
        return Output(request="0", rule="similarity", answer=Similarities(values=values))

    assert read(sample(), like(0.1, -0.4, 0.3)).label == "unknown"
    assert read(sample(), like(0.1, -0.4, 0.3)).margin == pytest.approx(0.2)
    assert read(sample(), like(0.3, -0.4, 0.3)).reason == "tied"
    with pytest.raises(MeasurementError, match="2 option scores for 3 choices"):
        read(sample(), like(0.1, 0.2))


def test_a_span_is_text_and_an_empty_one_an_answer() -> None:
    def span(text: str) -> Output:
        return Output(request="0", rule="span", answer=SpanAnswer(text=text, start=0, end=len(text), score=1.0))

    reading = read(sample(labels=()), span("Berlin"))
    assert (reading.label, reading.reason) == (None, None)
    assert read_text(span("Berlin")).text == "Berlin"
    assert (read_text(span("")).text, read_text(span("")).reason) == ("", None)


def test_free_text_for_questions() -> None:
    assert read_text(says("  42 apples\n", rule="text")).text == "42 apples"
    assert read_text(says(" \n", rule="text")).reason == "unparsed"
    assert read_text(says("I'm sorry, but I can't help with that.", rule="text")).reason == "refused"
    assert read_text(says("42", rule="text", finish_reason="refusal")).reason == "refused"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5", 3.5), ("The answer is -2.", -2.0), ("1,250 people", 1250.0), ("between 1 and 2", "unparsed"),
        ("none", "unparsed"), ("a4", "unparsed"), ("I cannot help with that.", "refused"),
        ("I'm sorry, but I can't rate this on a scale up to 5.", "refused"), ("I would not rate it above 3.", 3.0),
    ],
)
def test_the_only_number_of_a_text(text: str, expected: object) -> None:
    value, reason = read_number(says(text, rule="text"))
    assert (value if reason is None else reason) == expected


def test_a_number_in_a_refusal_is_no_answer() -> None:
    assert read_number(says("4", rule="text", finish_reason="refusal")) == (None, "refused")


def test_a_regressions_number() -> None:
    assert read_number(Output(request="0", rule="number", answer=Number(value=-1.5))) == (-1.5, None)


def test_classes_of_a_multi_label_answer() -> None:
    output = Output(request="0", rule="probabilities", answer=Probabilities(classes={"a": 0.5, "b": 0.49, "c": 0.9}))
    assert read_classes(output).names == {"a", "c"}
    none = Output(request="0", rule="probabilities", answer=Probabilities(classes={"a": 0.1}))
    assert read_classes(none) == Classes(frozenset())
    assert read_classes(says("stereotype", rule="text")).reason == "unparsed"
    assert read_classes(says("I'm sorry, but I can't help with that.")).reason == "refused"
