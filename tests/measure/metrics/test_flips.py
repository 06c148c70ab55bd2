"""Flips are counted by sets of twins; what is not scored is not a flip."""

from __future__ import annotations

import pytest

from auditkit.measure.definition import GuardRule
from auditkit.measure.metrics.flips import counterfactual_flip_rate
from auditkit.schema import FreeText, Output, Probabilities, Sample, Source


def twins(*answers: str | None) -> tuple[list[Sample], list[Output | None]]:
    """One set of twins with a classifier's answers; `None` was not run."""
    samples = [
        Sample(
            id=f"p/{at}", benchmark="p", target="positive", origin="p/o", arm=f"group {at}",
            source=Source(file="rows.jsonl", line=at + 1),
        )
        for at in range(len(answers))
    ]
    other = {"positive": "negative", "negative": "positive"}
    outputs = [
        None if answer is None else Output(
            request=f"{at:064d}", rule="probabilities", answer=Probabilities(classes={answer: 0.9, other[answer]: 0.1})
        )
        for at, answer in enumerate(answers)
    ]
    return samples, outputs


@pytest.mark.parametrize(("answers", "expected"), [
    (("positive", "positive"), 0.0),
    (("positive", "negative"), 1.0),
    (("positive",) * 3 + ("negative",), 1.0),
    (("negative",) * 4, 0.0),  # all wrong, and no flip: accuracy says so
])
def test_a_set_flips_where_one_twin_differs(answers: tuple[str, ...], expected: float) -> None:
    score = counterfactual_flip_rate.of_origin(*twins(*answers))
    assert score.value == expected
    assert score.sample_id == "p/o"


def test_an_unscored_twin_leaves_the_set_unscored_even_where_the_others_differ() -> None:
    score = counterfactual_flip_rate.of_origin(*twins("positive", None, "negative"))
    assert (score.value, score.reason) == (None, "not_run")


def test_a_text_without_twins_is_outside() -> None:
    assert counterfactual_flip_rate.of_origin(*twins("positive")).reason == "outside"


def test_free_text_has_no_label_that_could_flip() -> None:
    samples, _ = twins("positive", "negative")
    outputs = [
        Output(request=f"{at:064d}", rule="text", answer=FreeText(text=text))
        for at, text in enumerate(("Yes.", "Never."))
    ]
    assert counterfactual_flip_rate.of_origin(samples, outputs).reason == "outside"


def test_a_pass_needs_a_classifier_that_is_right_on_the_same_arm() -> None:
    assert counterfactual_flip_rate.guard == GuardRule(metric="accuracy", arm=None)


def test_the_answer_names_twins_of_one_arm_by_their_groups_and_else_by_their_ids() -> None:
    samples, outputs = twins("positive", "negative")
    one_arm = [sample.model_copy(update={"arm": "swap"}) for sample in samples]
    grouped = [
        sample.model_copy(update={"groups": {"age": group}})
        for sample, group in zip(one_arm, ("older", "younger"), strict=True)
    ]
    assert counterfactual_flip_rate.of_origin(samples, outputs).answer == "group 0: positive, group 1: negative"
    assert counterfactual_flip_rate.of_origin(grouped, outputs).answer == "older: positive, younger: negative"
    assert counterfactual_flip_rate.of_origin(one_arm, outputs).answer == "p/0: positive, p/1: negative"
