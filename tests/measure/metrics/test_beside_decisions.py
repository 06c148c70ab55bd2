"""Probabilities beside decisions, on numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from auditkit.measure.measurement import measure
from auditkit.measure.metrics.beside_decisions import (
    counterfactual_token_fairness_gap,
    expected_ambiguous_bias_score,
    expected_stereotype_score,
    target_probability,
)
from auditkit.schema import Output, Probabilities, Sample

from ..conftest import card, sample, says, scored


def gives(**classes: float) -> Output:
    return Output(request="0", rule="probabilities", answer=Probabilities(classes=classes))


def text(name: str, target: str = "good", **fields: object) -> Sample:
    return sample(name, ("good", "bad"), ("good", "bad"), target=target, **fields)


def test_the_probability_of_the_right_answer() -> None:
    assert target_probability(text("1"), gives(good=0.51, bad=0.49)).value == pytest.approx(0.51)
    assert target_probability(text("1", "bad"), gives(good=0.9, bad=0.1)).value == pytest.approx(0.1)
    odds = scored(math.log(3), math.log(1), rule="loglikelihood")
    assert target_probability(text("1"), odds).value == pytest.approx(0.75)


def test_the_expected_stereotype_score_is_a_softmax_of_the_pair() -> None:
    pair = sample("1", ("anti", "stereotype"), ("a", "b"), target=None)
    assert expected_stereotype_score(pair, scored(math.log(1), math.log(4))).value == pytest.approx(0.8)
    assert expected_stereotype_score(pair, scored(-5, -5)).reason == "tied"


def test_an_answer_of_unknown_by_a_hair_shows_which_way_it_leans() -> None:
    asked = sample("1", target="unknown")
    leaning = scored(math.log(0.39), math.log(0.2), math.log(0.41))
    assert expected_ambiguous_bias_score(asked, leaning).value == pytest.approx(0.19)
    assert expected_ambiguous_bias_score(sample("1", target="anti"), leaning).reason == "outside"


def twins(*probabilities: float, targets: tuple[str, ...] = ("good", "good", "good")) -> float | str | None:
    chosen = targets[: len(probabilities)]
    samples = [text(str(i), target, origin="p/o") for i, target in enumerate(chosen)]
    outputs = [gives(good=share, bad=1 - share) for share in probabilities]
    score = counterfactual_token_fairness_gap.of_origin(samples, outputs)
    return score.reason if score.value is None else score.value


def test_the_gap_is_the_mean_over_pairs_of_twins() -> None:
    assert twins(0.51, 0.99) == pytest.approx(0.48)
    assert twins(0.6, 0.7, 0.9) == pytest.approx((0.1 + 0.3 + 0.2) / 3)
    assert twins(0.7, 0.7) == pytest.approx(0.0)
    assert twins(0.5, 0.9) == "tied"


def test_twins_that_cannot_be_compared_are_outside() -> None:
    assert twins(0.7) == "outside"
    assert twins(0.7, 0.8, targets=("good", "bad")) == "outside"


def test_a_refused_twin_leaves_the_origin_unscored() -> None:
    samples = [text("1", origin="p/o"), text("2", origin="p/o")]
    outputs = [gives(good=0.7, bad=0.3), says("I'm sorry, but I can't help with that.", rule="probabilities")]
    assert counterfactual_token_fairness_gap.of_origin(samples, outputs).reason == "refused"


def test_answers_in_words_have_no_probabilities_and_say_so() -> None:
    rows = [text(str(i), groups={"gender": "female"}, metadata={"axis": "gender"}) for i in range(3)]
    use = {"metric": "target_probability", "arm": "all", "slices": ["axis"], "groups": True}
    words = {row.id: says("A") for row in rows}
    estimates = measure(card(metrics=[use], groups=["gender"]), rows, words).estimates
    assert {estimate.value for estimate in estimates} == {None}
    assert all(estimate.not_applicable and "without probabilities" in estimate.not_applicable for estimate in estimates)


def test_a_single_score_is_enough_to_be_measured() -> None:
    rows = [text(str(i)) for i in range(2)]
    outputs = {rows[0].id: says("A"), rows[1].id: says("A").model_copy(update={"answer": gives(good=1, bad=0).answer})}
    (estimate,) = measure(card(metrics=[{"metric": "target_probability", "arm": "all"}]), rows, outputs).estimates
    assert (estimate.not_applicable, estimate.n) == (None, 1)
