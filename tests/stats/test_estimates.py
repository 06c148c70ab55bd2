"""Estimates: nothing missing is hidden, and nothing undefined is 0."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, demographic_parity_ratio
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError
from auditkit.schema import Estimate, EstimateId, Guard
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.estimates import contrast, estimate
from auditkit.stats.intervals import interval, worst_case
from auditkit.stats.means import Reading

LABELS = {"id": EstimateId.parse("pack/m@a")}
GAP, RATIO = ({"id": EstimateId.parse(f"pack/m@a[gender:{kind}]")} for kind in ("gap", "smallest_ratio"))


def build(sample, range=(0, 1), **options) -> Estimate:
    return estimate(sample, range=range, direction="lower", **LABELS, **options)


def test_worst_cases_of_eighty_scored_and_twenty_missing(column):
    made = build(column([[1]] * 20 + [[0]] * 60 + [["refused"]] * 12 + [["unparsed"]] * 8))
    assert made.value == pytest.approx(0.25)
    assert (made.at_lowest_fill.value, made.at_highest_fill.value) == pytest.approx((0.20, 0.40))
    assert made.unscored == {"refused": 12, "unparsed": 8}
    assert (made.n, made.clusters, made.total) == (80, 80, 100)
    assert made.at_lowest_fill.low < made.at_lowest_fill.value
    assert made.at_highest_fill.high > made.at_highest_fill.value
    assert Estimate.model_validate_json(made.model_dump_json()) == made


def test_the_worst_case_at_an_estimates_own_level_is_what_it_records(column):
    made = build(column([[1]] * 20 + [[0]] * 60 + [["refused"]] * 20), level=0.9)
    assert worst_case(made, 0.9) == made.worst_case == (made.at_lowest_fill.low, made.at_highest_fill.high)
    low, high = worst_case(made, 0.99)
    assert low < made.worst_case[0]
    assert high > made.worst_case[1]
    lost = build(column([["refused"]]), (-1, 1))
    assert (worst_case(lost, 0.95), lost.worst_case) == ((None, None), (-1, 1))


def test_everything_missing_is_undefined_and_bounded(column):
    made = build(column([["refused"] * 2] * 30), (-1, 1))
    assert made.value is made.low is made.high is made.spread is None
    assert (made.n, made.clusters) == (0, 0)
    assert made.at_lowest_fill.low == pytest.approx(-1)
    assert made.at_highest_fill.high == pytest.approx(1)
    assert (made.at_lowest_fill.value, made.at_highest_fill.value) == (-1, 1)


def test_nothing_at_all_is_undefined(column):
    for sample in (column([]), column([["outside"], ["outside"]])):
        made = build(sample)
        assert made.value is None
        assert made.at_lowest_fill.value is made.at_highest_fill.value is None


def test_what_lies_outside_the_denominator_is_not_filled(column):
    made = build(column([[1], [0], ["outside"], ["tied"]]))
    assert (made.at_lowest_fill.value, made.at_highest_fill.value) == pytest.approx((1 / 3, 2 / 3))
    assert made.unscored == {"outside": 1, "tied": 1}


def test_method_and_level_are_told(column):
    made = build(column([[1, 0, 0]] * 56), level=0.9)
    assert made.method == "Korn–Graubard (56 clusters)"
    assert made.level == 0.9
    assert (made.low, made.high) == interval(made.spread, 0.9)
    assert build(column([[-1, 1]] * 40), (-1, 1)).method == "Korn–Graubard (40 clusters)"
    assert build(column([[-1, 0], [0, 1]] * 20), (-1, 1)).method == "MOVER on Korn–Graubard (40 clusters)"
    assert build(column([[-1], [0], [1]] * 20), (-1, 1)).method == "MOVER on Clopper–Pearson"


def test_labels_are_passed_on(column):
    guard = Guard(metric="accuracy", arm="all", bound=0.5)
    made = build(column([[1], [0]]), guard=guard, signature={"rule": "letter"})
    assert (made.id, made.guard, made.signature) == (LABELS["id"], guard, {"rule": "letter"})


def test_effective_clusters_tell_of_a_dominant_one(column):
    made = build(column([[1] * 300] + [[0] * 10] * 29))
    assert (made.clusters, made.effective_clusters) == (30, pytest.approx(590**2 / 92_900))
    groups = {"a": column([[1, 0]] * 30), "b": column([[1] * 300] + [[0] * 10] * 29)}
    assert contrast(groups, range=(0, 1), **GAP).effective_clusters == made.effective_clusters
    assert build(column([["refused"]])).effective_clusters == 0


def test_two_crossed_factors_are_shown_only():
    names, templates = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    made = build(ScoreColumn(np.tile([0.0, 1.0], 15), np.full(30, "", dtype=object), (names, templates)))
    assert made.shown_only == "crossed_factors"
    assert made.low < made.value < made.high


def test_a_statistic_without_fills_is_bounded_by_nothing(column):
    class Largest:
        def read(self, column, range, seed):
            return Reading(float(column.scored.values.max()), None, "none")

        def fills(self, column, range):
            return None

    made = build(column([[0.2], [0.7], ["tied"]]), statistic=Largest())
    assert made.value == 0.7
    assert made.at_lowest_fill.value is made.at_highest_fill.value is None


@pytest.mark.parametrize(
    ("values", "reasons"),
    [([0.1, np.nan], ["", ""]), ([0.1], ["refused"]), ([np.nan], ["lost"]), ([np.inf], [""]), ([0.1, 0.2], [""])],
)
def test_columns_that_hide_something_are_refused(values, reasons):
    with pytest.raises(MeasurementError):
        ScoreColumn(np.array(values), np.array(reasons, dtype=object))


def test_contrast_counts_all_groups(column):
    groups = {"a": column([[1, 1]] * 30), "b": column([[1, 0]] * 29 + [[0, "tied"]])}
    made = contrast(groups, range=(0, 1), **GAP)
    assert made.direction == "lower"
    assert (made.n, made.clusters, made.unscored) == (119, 30, {"tied": 1})
    assert made.value == pytest.approx(1 - 29 / 59)
    assert (made.at_lowest_fill.value, made.at_highest_fill.value) == pytest.approx((1 - 30 / 60, 1 - 29 / 60))
    assert contrast(groups, range=(-1, 1), **GAP).range == (0, 2)
    made = contrast(groups, range=(0, 1), **RATIO)
    assert made.direction == "higher"
    assert (made.at_lowest_fill.value, made.at_highest_fill.value) == pytest.approx((29 / 60, 30 / 60))


def test_contrasts_have_fairlearns_values(column):
    rng = np.random.default_rng(7)
    shares = {"a": 0.3, "b": 0.6, "c": 0.5}
    groups = {name: column((rng.random((25, 2)) < p).astype(float).tolist()) for name, p in shares.items()}
    chosen = np.concatenate([group.values for group in groups.values()])
    names = np.repeat(list(groups), 50)
    gap = contrast(groups, range=(0, 1), **GAP).value
    smallest = contrast(groups, range=(0, 1), **RATIO).value
    assert gap == pytest.approx(demographic_parity_difference(chosen, chosen, sensitive_features=names))
    assert smallest == pytest.approx(demographic_parity_ratio(chosen, chosen, sensitive_features=names))


def test_a_group_without_scores_leaves_fills_only(column):
    made = contrast({"a": column([[1, 0]] * 9), "b": column([["refused"]] * 9)}, range=(0, 1), **GAP)
    assert made.value is made.low is None
    assert (made.at_lowest_fill.value, made.at_highest_fill.value) == pytest.approx((0, 0.5))


def test_an_id_without_a_contrast_of_groups_is_refused(column):
    with pytest.raises(MeasurementError, match="names no contrast of groups"):
        contrast({"a": column([[1, 0]] * 9), "b": column([[1, 0]] * 9)}, range=(0, 1), **LABELS)


cells = st.sampled_from([0.0, 1.0, "refused", "tied", "outside"])


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=25), wide=st.booleans())
def test_fills_hold_the_value(column, rows, wide):
    made = build(column(rows), (-1, 1) if wide else (0, 1))
    if made.value is not None:
        assert made.at_lowest_fill.value <= made.value + 1e-12
        assert made.at_highest_fill.value >= made.value - 1e-12
    if made.low is not None and made.n == made.total:
        assert (made.low, made.high) == (made.at_lowest_fill.low, made.at_highest_fill.high)
