"""Metrics of the built-in packs read on planted models what measurement.md §8 says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from auditkit.errors import MeasurementError
from auditkit.load.packs import open_pack
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.measure.measurement import measure
from auditkit.models.scripted.planted import BEHAVIOURS, PlantedAdapter
from auditkit.registry import get
from auditkit.schema import Benchmark, Estimate, Output, Request, Sample

PACKS = ("stereotype-pairs", "ambiguous-qa", "claims")
SCORES_ASKED = ("random", "constant", "garbage", "refusing")
"""Of a metric that reads probabilities: what biased answerers read depends on the rule's normaliser."""
ASKED = ("always-stereotyped", "always-anti", "never-stereotyped", "random", "constant", "garbage", "refusing")
S_AMB, S_DIS = "ambiguous_bias_score@ambiguous", "disambiguated_bias_score@disambiguated"
ACC_AMB, ACC_DIS = "accuracy@ambiguous", "accuracy@disambiguated"

EXACT: dict[tuple[str, str], dict[str, float | None]] = {
    ("stereotype-pairs", "always-stereotyped"): {"stereotype_score@pair": 1.0},
    ("stereotype-pairs", "always-anti"): {"stereotype_score@pair": 0.0},
    ("stereotype-pairs", "never-stereotyped"): {"stereotype_score@pair": 0.5},
    ("ambiguous-qa", "always-stereotyped"): {S_AMB: 1.0, S_DIS: 1.0},
    ("ambiguous-qa", "always-anti"): {S_AMB: -1.0, S_DIS: -1.0},
    ("ambiguous-qa", "never-stereotyped"): {S_AMB: 0.0, S_DIS: 0.0, ACC_AMB: 1.0, ACC_DIS: 1.0},
    ("ambiguous-qa", "always-unknown"): {S_AMB: 0.0, S_DIS: None, ACC_AMB: 1.0, ACC_DIS: 0.0},
    ("claims", "never-stereotyped"): {
        "false_claim_endorsement@false-claim": 0.0, "true_claim_refutation@true-claim": 0.0,
        "accuracy@all": 1.0, "matched_pair_accuracy@all": 1.0,
    },
    ("claims", "first-option"): {"accuracy@all": 0.5, "matched_pair_accuracy@all": 0.0},
}
"""measurement.md §8; for claims, whose choices are no stereotypes, the target is answered."""

CHANCE = {
    "stereotype_score": 0.5, "ambiguous_bias_score": 0.0, "disambiguated_bias_score": 0.0,
    "expected_stereotype_score": 0.5, "expected_ambiguous_bias_score": 0.0, "target_probability": 0.3739,
    "false_claim_endorsement": 0.5, "true_claim_refutation": 0.5, "matched_pair_accuracy": 0.25,
}


opened = cache(open_pack)


@cache
def asked(name: str, rule: str) -> tuple[Benchmark, list[Sample], list[Request]]:
    pack = opened(name)
    samples = read_samples(pack)
    return pack.card, samples, build(pack.card, rule, samples)


def answers(name: str, behaviour: str, rule: str) -> dict[str, Output]:
    _, samples, requests = asked(name, rule)
    adapter = PlantedAdapter(behaviour, {r.sha256: s for s, r in zip(samples, requests, strict=True)})
    made = {}
    for one, encoded in zip(samples, adapter.encode(requests), strict=True):
        try:
            made[one.id] = next(iter(adapter.execute([encoded])))
        except MeasurementError as error:
            made[one.id] = Output(request=encoded.request.sha256, rule=rule, error=str(error))
    return made


def readings(name: str, behaviour: str, rule: str | None = None, level: float = 0.95) -> Mapping[str, Estimate]:
    card = asked(name, rule or opened(name).card.rules[0])[0]
    used = rule or card.rules[0]
    outputs = answers(name, behaviour, used)
    found = measure(card, asked(name, used)[1], outputs, level=level, pooled_only=True).estimates
    return {estimate.id.in_benchmark: estimate for estimate in found}


@pytest.mark.parametrize(("name", "behaviour"), list(EXACT))
def test_fixed_behaviours_read_their_value_exactly_by_every_rule(name: str, behaviour: str) -> None:
    for rule in opened(name).card.rules:
        found = readings(name, behaviour, rule)
        assert {key: found[key].value for key in EXACT[name, behaviour]} == EXACT[name, behaviour], rule


@pytest.mark.parametrize("name", PACKS)
def test_a_random_model_reads_chance(name: str) -> None:
    for key, estimate in readings(name, "random", level=0.9999).items():
        expected = CHANCE.get(estimate.id.metric, 0.5 if name == "claims" else 1 / 3)
        assert estimate.low is not None, key
        assert estimate.low <= expected <= (estimate.high or 0), key


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("constant", "tied"), ("garbage", "unparsed"), ("refusing", "refused"), ("crashing", "errored")],
)
def test_models_that_measure_nothing_have_no_value_and_widest_bounds(name: str, behaviour: str, reason: str) -> None:
    for key, estimate in readings(name, behaviour).items():
        assert estimate.value is None, key
        assert set(estimate.unscored) - {"outside"} == {reason}, key
        assert (estimate.at_lowest_fill.value, estimate.at_highest_fill.value) == estimate.range, key


def test_the_first_option_scores_a_bias_of_zero_and_fails_the_guard() -> None:
    found = readings("ambiguous-qa", "first-option")
    assert found[S_AMB].value == pytest.approx(0.0, abs=0.01)
    assert found[ACC_DIS].low is not None
    assert found[ACC_DIS].low < 1 / 3


@pytest.mark.parametrize("name", PACKS)
def test_every_metric_of_a_card_says_what_planted_models_must_read(name: str) -> None:
    card = opened(name).card
    said = {(reading.planted, reading.metric, reading.arm) for reading in card.planted}
    for use in card.metrics:
        asked_of_it = SCORES_ASKED if get("metric", use.metric).of_scores else ASKED
        assert {(behaviour, use.metric, use.arm) for behaviour in asked_of_it} <= said
    assert {reading.planted for reading in card.planted} <= set(BEHAVIOURS)


@pytest.mark.parametrize("name", PACKS)
def test_the_cards_fixed_expectations_hold(name: str) -> None:
    for planted in sorted({reading.planted for reading in opened(name).card.planted}):
        found = readings(name, planted)
        for reading in opened(name).card.planted:
            if reading.planted == planted and reading.expect != "around":
                value = found[f"{reading.metric}@{reading.arm}"].value
                assert value == pytest.approx(reading.value, abs=1e-12), reading
