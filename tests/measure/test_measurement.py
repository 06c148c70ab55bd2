"""From outputs to estimates: identity, order, slices, signatures, and what was not measured."""

from __future__ import annotations

import random
from typing import Any

import pytest

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.schema import Estimate, Output, Sample

from .conftest import answering, card, sample, says, scored

BIAS = [{"metric": "ambiguous_bias_score", "arm": "all"}]


def ambiguous(n: int = 40, **fields: Any) -> list[Sample]:
    return [sample(f"{i:03}", target="unknown", clusters={"template": f"t-{i // 2}"}, arm="ambiguous",
                   metadata={"axis": ["age", "race"][i % 2], "myth": i % 4 == 0}, **fields) for i in range(n)]


def only(estimates: tuple[Estimate, ...]) -> Estimate:
    (found,) = estimates
    return found


def everyone(samples: list[Sample], output: Output | None) -> dict[str, Output | None]:
    return {one.id: output for one in samples}


def test_ids_are_as_the_schema_says() -> None:
    uses = [{"metric": "accuracy", "arm": "ambiguous", "slices": ["axis", "myth"], "groups": True}]
    samples = ambiguous(groups={"gender": "female"})
    outputs = everyone(samples, scored(-3, -2, -1))
    found = measure(card(metrics=uses, groups=["gender"]), samples, outputs).estimates
    assert [str(e.id).removeprefix("p/accuracy@ambiguous") for e in found] == [
        "", "[axis=age]", "[axis=race]", "[myth=false]", "[myth=true]", "[gender:female]"
    ]
    assert found[1].id.slice == {"axis": "age"}
    assert (found[5].id.axis, found[5].id.group, found[5].id.contrast) == ("gender", "female", None)


def test_pooled_only_leaves_the_rest_out() -> None:
    uses = [{"metric": "accuracy", "arm": "all", "slices": ["axis"], "groups": True}]
    samples = ambiguous(groups={"gender": "female"})
    made = measure(card(metrics=uses, groups=["gender"]), samples, everyone(samples, scored(-3, -2, -1)),
                   pooled_only=True)
    assert str(only(made.estimates).id) == "p/accuracy@all"


def test_order_of_samples_and_outputs_changes_nothing() -> None:
    uses = [{"metric": "ambiguous_bias_score", "arm": "all", "slices": ["axis"], "groups": True},
            {"metric": "matched_pair_accuracy", "arm": "all"}]
    samples = ambiguous(groups={"gender": "female"})
    said = {one.id: random.Random(i).choice(["stereotype", "anti", "unknown", None]) for i, one in enumerate(samples)}
    outputs = answering(said, samples)
    pack = card(metrics=uses, groups=["gender"])
    mixed = random.Random(5).sample(samples, len(samples))
    first = measure(pack, samples, outputs)
    assert measure(pack, mixed, dict(reversed(outputs.items()))) == first
    assert [s.sample_id for s in first.scores[:40]] == sorted(one.id for one in samples)


def test_each_arm_is_measured_apart() -> None:
    samples = [*ambiguous(4), *(sample(f"d{i}", target="anti", arm="disambiguated") for i in range(6))]
    uses = [{"metric": "accuracy", "arm": arm} for arm in ("ambiguous", "disambiguated", "all")]
    made = measure(card(metrics=uses), samples, everyone(samples, scored(-3, -1, -2)))
    assert [(e.value, e.n) for e in made.estimates] == [(0.0, 4), (1.0, 6), (0.6, 10)]
    assert len(made.scores) == 10


def test_garbage_is_unscored_and_bounded_not_minus_one() -> None:
    """Traps 1 and 3: an answer that cannot be parsed is neither biased nor unbiased."""
    samples = ambiguous()
    found = only(measure(card(metrics=BIAS), samples, everyone(samples, says("lorem ipsum"))).estimates)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
    assert found.unscored == {"unparsed": 40}
    assert (found.at_lowest_fill.value, found.at_highest_fill.value) == (-1.0, 1.0)


def test_all_anti_is_minus_one_not_zero() -> None:
    """Trap 3: n_biased = 0 must not read as no bias."""
    samples = ambiguous()
    found = only(measure(card(metrics=BIAS), samples, everyone(samples, scored(-2, -1, -3))).estimates)
    assert found.value == -1.0


def test_no_samples_have_no_mean() -> None:
    uses = [{"metric": "accuracy", "arm": "nowhere"}]
    found = only(measure(card(metrics=uses), ambiguous(), {}).estimates)
    assert (found.value, found.n, found.total) == (None, 0, 0)


def test_one_sample_has_no_interval() -> None:
    samples = ambiguous(1)
    found = only(measure(card(metrics=BIAS), samples, everyone(samples, scored(-1, -2, -3))).estimates)
    assert found.value == 1.0
    assert (found.low, found.high) == (None, None)


def test_always_unknown_is_perfect_when_ambiguous_and_undefined_when_not() -> None:
    uses = [{"metric": "ambiguous_bias_score", "arm": "ambiguous"},
            {"metric": "disambiguated_bias_score", "arm": "disambiguated"}]
    samples = [*ambiguous(), *(sample(f"d{i}", target="anti", arm="disambiguated") for i in range(40))]
    first, second = measure(card(metrics=uses), samples, everyone(samples, scored(-3, -2, -1))).estimates
    assert (first.value, first.n) == (0.0, 40)
    assert (second.value, second.unscored) == (None, {"outside": 40})


def test_a_missing_score_is_bounded_and_the_denominator_said() -> None:
    """Traps 15 to 18: nothing missing improves a number unseen, and four failures are four counts."""
    samples = ambiguous()
    outputs: dict[str, Output | None] = dict(everyone(samples, scored(-3, -2, -1, rule="letter")))
    lost = {"000": None, "001": Output(request="0", rule="letter", error="boom"), "002": says("?"),
            "003": says("I'm sorry, but I can't help with that."), "004": scored(-1, -1, -1, rule="letter")}
    outputs |= {f"p/{name}": output for name, output in lost.items()}
    del outputs["p/005"]
    uses = [{"metric": "accuracy", "arm": "all"}]
    found = only(measure(card(metrics=uses), samples, outputs).estimates)
    assert found.unscored == {"errored": 1, "not_run": 2, "refused": 1, "tied": 1, "unparsed": 1}
    assert (found.value, found.n, found.total) == (1.0, 34, 40)
    assert found.at_lowest_fill.value == pytest.approx(34 / 40)
    assert found.at_lowest_fill.low is not None
    assert found.low is not None
    assert found.at_lowest_fill.low < found.low


def test_the_signatures_instrument_half() -> None:
    samples = ambiguous()
    outputs = everyone(samples, scored(-3, -2, -1, rule="loglikelihood_per_byte"))
    found = only(measure(card(metrics=BIAS), samples, outputs, signature_extra={"sample": "40 of 80"}).estimates)
    parts = found.signature
    assert set(parts) == {"pack", "rows", "template", "arm", "rule", "decoding", "metric", "sample"}
    assert (parts["pack"], parts["arm"], parts["rule"]) == ("p@1", "all", "loglikelihood_per_byte")
    assert parts["metric"].startswith("ambiguous_bias_score@")


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"sha256": "1" * 64}, {"templates": [{"text": "{x}"}]}, {"name": "q"}],
)
def test_another_instrument_has_another_signature(change: dict[str, Any]) -> None:
    """Trap 25: scores of different definitions must not compare equal."""
    samples = ambiguous()
    outputs = everyone(samples, scored(-3, -2, -1))
    first = only(measure(card(metrics=BIAS), samples, outputs).estimates).signature
    assert only(measure(card(metrics=BIAS, **change), samples, outputs).estimates).signature != first


def test_outputs_of_two_rules_are_refused() -> None:
    samples = ambiguous(2)
    outputs = {samples[0].id: scored(-1, -2, -3), samples[1].id: scored(-1, -2, -3, rule="loglikelihood_per_byte")}
    with pytest.raises(MeasurementError, match=r"2 scoring rules \(loglikelihood, loglikelihood_per_byte\)"):
        measure(card(metrics=BIAS), samples, outputs)


def test_doubled_ids_and_single_arm_twins_are_refused() -> None:
    samples = ambiguous(2)
    with pytest.raises(MeasurementError, match="two samples share an id"):
        measure(card(metrics=BIAS), [samples[0], samples[0]], {})
    with pytest.raises(MeasurementError, match=r"is over twins, and the arm .* holds none; write arm: all"):
        measure(card(metrics=[{"metric": "matched_pair_accuracy", "arm": "ambiguous"}]), samples, {})


def test_twins_in_different_clusters_are_refused() -> None:
    twins = [sample(f"o-{i}", target="anti", origin="o", clusters={"template": f"t-{i}"}) for i in range(2)]
    with pytest.raises(MeasurementError, match='o: the cluster "template" is missing, or differs between twins'):
        measure(card(metrics=[{"metric": "matched_pair_accuracy", "arm": "all"}]), twins, {})


def test_clusters_reach_the_interval() -> None:
    """Rows of one template are one cluster: 40 rows from 20 templates are 20."""
    samples = ambiguous()
    found = only(measure(card(metrics=BIAS), samples, everyone(samples, scored(-1, -2, -3))).estimates)
    assert found.clusters == 20
