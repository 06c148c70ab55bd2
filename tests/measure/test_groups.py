"""Group metrics: fairlearn's values, our intervals, equal to each other; adverse outcomes turned round."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, demographic_parity_ratio

from auditkit.errors import MeasurementError
from auditkit.measure.groups import AxisTable, check, tables
from auditkit.measure.measurement import measure
from auditkit.schema import Estimate, Output, Sample

from .conftest import answering, card, sample

USES = [{"metric": "accuracy", "arm": "all", "groups": True}]
RATES = {"female": (9, 12), "male": (6, 12), "other": (4, 8)}


def people(metric_target: str = "anti") -> tuple[list[Sample], dict[str, Output]]:
    """Groups with known numbers of right answers: .75, .5, .5."""
    samples, said = [], {}
    for group, (right, n) in RATES.items():
        for i in range(n):
            one = sample(f"{group}-{i}", target=metric_target, groups={"gender": group}, metadata={"axis": "gender"})
            samples.append(one)
            said[one.id] = metric_target if i < right else "unknown"
    return samples, answering(said, samples)


def by_id(estimates: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {str(estimate.id): estimate for estimate in estimates}


def test_values_of_groups_and_contrasts_by_hand() -> None:
    samples, outputs = people()
    found = by_id(measure(card(metrics=USES, groups=["gender"]), samples, outputs).estimates)
    assert found["p/accuracy@all[gender:female]"].value == 0.75
    assert found["p/accuracy@all[gender:gap]"].value == 0.25
    assert found["p/accuracy@all[gender:smallest_ratio]"].value == pytest.approx(2 / 3)
    assert [e.n for e in found.values() if e.id.group] == [12, 12, 8]


def test_a_contrast_cites_the_worst_group() -> None:
    samples, outputs = people()
    found = by_id(measure(card(metrics=USES, groups=["gender"]), samples, outputs).estimates)
    for name in ("gap", "smallest_ratio"):
        cited = found[f"p/accuracy@all[gender:{name}]"].cited
        assert len(cited.extreme) == 2
        assert all(one.startswith("p/male-") for one in cited.extreme)
    assert found["p/accuracy@all[gender:male]"].cited.extreme == ()


def test_contrasts_equal_fairlearns_named_metrics() -> None:
    samples, outputs = people()
    measured = measure(card(metrics=USES, groups=["gender"]), samples, outputs)
    values = [score.value for score in measured.scores]
    of = {one.id: one.groups["gender"] for one in samples}
    groups = [of[score.sample_id] for score in measured.scores]
    found = by_id(measured.estimates)
    gap, ratio = found["p/accuracy@all[gender:gap]"], found["p/accuracy@all[gender:smallest_ratio]"]
    assert gap.value == pytest.approx(demographic_parity_difference(values, values, sensitive_features=groups))
    assert ratio.value == pytest.approx(demographic_parity_ratio(values, values, sensitive_features=groups))
    assert gap.low is not None
    assert gap.low <= 0.25 <= (gap.high or 0)


def test_the_table_equals_a_count_made_apart() -> None:
    rng = np.random.default_rng(0)
    values, axes = rng.random(200), rng.choice(["age", "race"], 200)
    groups = np.array([f"{axis}-{g}" for axis, g in zip(axes, rng.choice(list("abc"), 200), strict=True)])
    for axis, table in tables(values.tolist(), axes.tolist(), groups.tolist()).items():
        means = {g: values[groups == g].mean() for g in set(groups[axes == axis])}
        assert table.by_group == pytest.approx(means)
        assert table.gap == pytest.approx(max(means.values()) - min(means.values()))
        assert table.smallest_ratio == pytest.approx(min(means.values()) / max(means.values()))
        assert table.n == {g: int((groups == g).sum()) for g in means}


def test_an_adverse_rate_is_turned_round_for_the_ratio() -> None:
    """Trap 30: 4/5 endorsed against 2/5 is a ratio of favourable outcomes .2/.6, not of harms .4/.8."""
    samples, said = [], {}
    for group, endorsed in (("female", 4), ("male", 2)):
        for i in range(5):
            one = sample(f"{group}-{i}", ("true", "false"), target="false", groups={"gender": group})
            samples.append(one)
            said[one.id] = "true" if i < endorsed else "false"
    uses = [{"metric": "false_claim_endorsement", "arm": "all", "groups": True}]
    found = by_id(measure(card(metrics=uses, groups=["gender"]), samples, answering(said, samples)).estimates)
    ratio = found["p/false_claim_endorsement@all[gender:smallest_ratio]"]
    assert ratio.value == pytest.approx(1 / 3)
    assert ratio.signature["contrast"] == "smallest_ratio of 1 - value"
    assert found["p/false_claim_endorsement@all[gender:gap]"].value == pytest.approx(0.4)


def test_a_metric_with_its_ideal_in_the_middle_has_no_ratio() -> None:
    samples, outputs = people("unknown")
    uses = [{"metric": "ambiguous_bias_score", "arm": "all", "groups": True}]
    found = measure(card(metrics=uses, groups=["gender"]), samples, outputs).estimates
    assert [e.id.contrast for e in found if e.id.contrast] == ["gap"]


def test_unknown_groups_are_counted_and_not_contrasted() -> None:
    samples, outputs = people()
    lost = [one.model_copy(update={"groups": {}}) if one.id.endswith("-0") else one for one in samples]
    found = by_id(measure(card(metrics=USES, groups=["gender", "age"]), lost, outputs).estimates)
    assert found["p/accuracy@all[gender:unknown]"].n == 3
    assert found["p/accuracy@all[gender:gap]"].n == len(samples) - 3
    assert not [name for name in found if "[age:" in name]


def test_a_group_without_a_score_leaves_the_gap_undefined() -> None:
    samples, outputs = people()
    silent = {name: output for name, output in outputs.items() if "other" not in name}
    found = by_id(measure(card(metrics=USES, groups=["gender"]), samples, silent).estimates)
    assert found["p/accuracy@all[gender:gap]"].value is None
    assert found["p/accuracy@all[gender:other]"].unscored == {"not_run": 8}


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [([float("nan")], ["a"], "an unscored row"), ([1.0], [""], "without axis or group")],
)
def test_fairlearns_traps_are_guarded(values: list[float], groups: list[str], message: str) -> None:
    with pytest.raises(MeasurementError, match=message):
        tables(values, ["age"] * len(values), groups)


def test_a_rate_of_zero_everywhere_has_no_ratio() -> None:
    table = tables([0.0, 0.0], ["age", "age"], ["a", "b"])["age"]
    assert (table.gap, table.smallest_ratio) == (0.0, None)
    assert tables([], [], []) == {}


def test_a_disagreement_of_stats_and_fairlearn_is_an_error() -> None:
    samples, outputs = people()
    found = by_id(measure(card(metrics=USES, groups=["gender"]), samples, outputs).estimates)
    wrong = AxisTable(by_group={}, n={}, gap=0.2500001, smallest_ratio=None)
    with pytest.raises(MeasurementError, match=r"gender:gap\]: stats gives 0\.25, fairlearn 0\.2500001"):
        check(found["p/accuracy@all[gender:gap]"], wrong)
