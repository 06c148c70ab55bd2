"""Rates of one class against the rest: scikit-learn's and fairlearn's values, COMPAS' published ones, worst cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fairlearn.metrics
import numpy as np
import pytest
from sklearn import metrics as sklearn

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.measure.uses import completed, metric_of
from auditkit.registry import get
from auditkit.schema import Estimate, MetricUse, Output, Sample

from ..conftest import answering, card, sample

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate",
         "positive_predictive_value", "f1")
PARITIES = ("demographic_parity_difference", "demographic_parity_ratio", "equal_opportunity_difference",
            "equalized_odds_difference", "equalized_odds_ratio")
Row = tuple[str, str | None, str]
"""Right class, answered class, group."""


def measured(rows: Sequence[Row], positive: str = "yes", **fields: Any) -> dict[str, Estimate]:
    """Every rate and contrast of a class on some rows, by id without the pack."""
    labels = sorted({gold for gold, _, _ in rows})
    samples: list[Sample] = []
    said: dict[str, str | None] = {}
    for number, (gold, answer, group) in enumerate(rows):
        samples.append(sample(str(number), labels=labels, target=gold, groups={"race": group}))
        said[samples[-1].id] = answer
    uses = [{"metric": f"{name}:{positive}", "arm": "all", "groups": True} for name in (*RATES, *PARITIES)]
    outputs: dict[str, Output] = answering(said, samples)
    found = measure(card(metrics=uses, groups=["race"], **fields), samples, outputs).estimates
    return {estimate.id.in_benchmark: estimate for estimate in found}


def drawn(classes: Sequence[str], n: int = 300) -> list[Row]:
    rng = np.random.default_rng(3)
    gold = rng.choice(classes, n)
    said = np.where(rng.random(n) < 0.6, gold, rng.choice(classes, n))
    return list(zip(gold.tolist(), said.tolist(), rng.choice(["a", "b", "c"], n).tolist(), strict=True))


@pytest.mark.parametrize("classes", [("no", "yes"), ("maybe", "no", "yes")])
def test_rates_equal_scikit_learns_and_fairlearns(classes: Sequence[str]) -> None:
    rows = drawn(classes)
    found = measured(rows)
    gold, said = (np.array([row[place] == "yes" for row in rows]).astype(int) for place in (0, 1))
    groups = np.array([row[2] for row in rows])
    for name in (None, "a", "b", "c"):
        here = np.ones(len(rows), dtype=bool) if name is None else groups == name
        truth, answers = gold[here], said[here]
        expected = {
            "selection_rate": fairlearn.metrics.selection_rate(truth, answers),
            "true_positive_rate": sklearn.recall_score(truth, answers),
            "false_positive_rate": fairlearn.metrics.false_positive_rate(truth, answers),
            "false_negative_rate": fairlearn.metrics.false_negative_rate(truth, answers),
            "positive_predictive_value": sklearn.precision_score(truth, answers),
            "f1": sklearn.f1_score(truth, answers),
        }
        for metric, value in expected.items():
            estimate = found[f"{metric}:yes@all" + ("" if name is None else f"[race:{name}]")]
            assert estimate.value == pytest.approx(value), metric
            assert estimate.low is not None
            assert estimate.low < value < (estimate.high or 0)
    for metric in PARITIES:
        kind = "smallest_ratio" if metric.endswith("ratio") else "gap"
        estimate = found[f"{metric}:yes@all[race:{kind}]"]
        value = getattr(fairlearn.metrics, metric)(gold, said, sensitive_features=groups)
        assert estimate.value == pytest.approx(value)
        assert (estimate.low or 0) <= value <= (estimate.high or 0)


def test_equal_accuracy_hides_no_false_positives() -> None:
    """A filter that flags 40 % of one dialect's harmless posts and none of the other's."""
    rows = [("yes", "yes" if i < 24 or group == "b" else "no", group) for group in "ab" for i in range(40)]
    rows += [("no", "yes" if group == "b" and i < 16 else "no", group) for group in "ab" for i in range(40)]
    found = measured(rows)
    rate = found["false_positive_rate:yes@all[race:gap]"]
    assert rate.value == pytest.approx(0.4)
    assert rate.between == ("b", "a")
    assert rate.low is not None
    assert 0.2 < rate.low < 0.4
    # the group with more false positives is worst, and its harmless posts are cited
    assert all(int(name.removeprefix("p/")) >= 120 for name in rate.cited.extreme)
    for name in ("equalized_odds_difference", "demographic_parity_difference", "equal_opportunity_difference"):
        assert found[f"{name}:yes@all[race:gap]"].value == pytest.approx(0.4)


def test_compas_as_published() -> None:
    """ProPublica 2016, two-year file, score low against medium or high: false positives 44.85 and 23.45 %, false
    negatives 27.99 and 47.72 % of Black and White defendants; the counts are those of its table."""
    cells = {
        "African-American": {("no", "no"): 990, ("no", "yes"): 805, ("yes", "no"): 532, ("yes", "yes"): 1369},
        "Caucasian": {("no", "no"): 1139, ("no", "yes"): 349, ("yes", "no"): 461, ("yes", "yes"): 505},
    }
    rows = [(*cell, race) for race, counts in cells.items() for cell, count in counts.items() for _ in range(count)]
    found = measured(rows)
    percent = {
        name: [round(100 * (found[f"{name}:yes@all[race:{race}]"].value or 0), 2) for race in cells]
        for name in ("false_positive_rate", "false_negative_rate")
    }
    assert percent == {"false_positive_rate": [44.85, 23.45], "false_negative_rate": [27.99, 47.72]}
    gap = found["false_positive_rate:yes@all[race:gap]"]
    assert gap.between == ("African-American", "Caucasian")
    assert gap.low is not None
    assert gap.low > 0.15


@pytest.mark.parametrize("added", [0.1, 0.2, 0.3])
def test_planted_false_positives_are_found_at_a_thousand_rows(added: float) -> None:
    """1,000 rows, half of them harmless, two groups: 250 harmless rows a group, 10 % flagged, and one group's more.

    The power to exclude 0 at +.1 is .88 (a difference of 3.2 standard errors of √((.1·.9 + .2·.8)/250)), from +.2 on
    above .99.
    """
    rng = np.random.default_rng(7)
    rows = []
    for i in range(1000):
        group, gold = "ab"[i % 2], ("no", "yes")[i // 2 % 2]
        share = 0.9 if gold == "yes" else 0.1 + added * (group == "a")
        rows.append((gold, "yes" if rng.random() < share else "no", group))
    gap = measured(rows)["false_positive_rate:yes@all[race:gap]"]
    assert gap.between == ("a", "b")
    assert gap.low is not None
    assert gap.high is not None
    assert 0 < gap.low < added < gap.high


def test_an_empty_denominator_has_no_value() -> None:
    rows = [("no", "no", "a")] * 20 + [("yes", "yes", "b"), ("no", "yes", "b")] * 20
    found = measured(rows)
    none = found["true_positive_rate:yes@all[race:a]"]
    assert (none.value, none.n, none.unscored) == (None, 0, {"outside": 20})
    assert found["positive_predictive_value:yes@all[race:a]"].value is None
    assert found["f1:yes@all[race:a]"].value is None
    # a is left out where it has no rows: it cannot be compared
    assert found["false_positive_rate:yes@all[race:gap]"].value == 1.0


def test_groups_without_enough_rows_in_the_denominator_are_not_compared() -> None:
    rows = [(gold, gold, group) for gold in ("no", "yes") for group in "ab" for _ in range(20)]
    rows += [("yes", "no", "c")] * 20 + [("no", "yes", "c")] * 2
    found = measured(rows, smallest_group=10)
    assert found["false_positive_rate:yes@all[race:c]"].n == 2
    assert found["false_positive_rate:yes@all[race:gap]"].value == 0.0
    assert found["equal_opportunity_difference:yes@all[race:gap]"].value == 1.0
    assert found["equalized_odds_difference:yes@all[race:gap]"].value == 0.0


def test_missing_answers_are_bounded_by_both_ways_of_filling_them() -> None:
    rows: list[Row] = [("yes", "yes", "a")] * 30 + [("no", "no", "a")] * 28 + [("no", None, "a"), ("no", None, "a")]
    found = measured(rows)
    expected = {
        "false_positive_rate": (0, 2 / 30), "true_positive_rate": (1, 1), "selection_rate": (30 / 60, 32 / 60),
        "positive_predictive_value": (30 / 32, 1), "f1": (60 / 62, 1),
    }
    for name, ends in expected.items():
        estimate = found[f"{name}:yes@all"]
        assert (estimate.at_lowest_fill.value, estimate.at_highest_fill.value) == pytest.approx(ends), name


def test_a_class_metric_names_its_class() -> None:
    with pytest.raises(MeasurementError, match=r'"f1": it is of one class; write f1:CLASS'):
        metric_of(MetricUse(metric="f1", arm="all"))
    with pytest.raises(MeasurementError, match="of all classes together"):
        metric_of(MetricUse(metric="accuracy:yes", arm="all"))
    choices = [{"text": label, "label": label} for label in ("yes", "no")]
    with pytest.raises(MeasurementError, match='no class is called "yess"'):
        completed(card(metrics=[{"metric": "f1:yess", "arm": "all"}], choices=choices), [])
    assert get("metric", "f1").of_class("a:b").positive == "a:b"
