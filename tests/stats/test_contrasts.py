"""Differences and ratios of groups."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.errors import MeasurementError
from auditkit.schema import Exact
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import contrast_value, difference, gap, ratio, smallest_ratio
from auditkit.stats.intervals import interval


def independent(hits, n):
    values = np.array([1.0] * hits + [0.0] * (n - hits))
    return ScoreColumn(values, np.full(n, "", dtype=object), ())


def test_groups_without_a_common_cluster_have_nothing_in_common(column):
    """20 × 4 each, all-or-none: 9 and 4 clusters of hits; statistics, §12."""
    a = column([[1] * 4] * 9 + [[0] * 4] * 11)
    b = column([[1] * 4] * 4 + [[0] * 4] * 16, prefix="other")
    reading = difference(a, b)
    assert (reading.method, reading.spread.r) == ("MOVER", 0.0)
    assert interval(reading.spread) == pytest.approx((-0.094637, 0.541236), abs=1e-6)
    assert interval(reading.spread, 1 - 0.05 / 6) == pytest.approx((-0.211961, 0.622027), abs=1e-6)
    reading = ratio(b, a)
    assert (reading.method, reading.value) == ("MOVER-R", pytest.approx(4 / 9))


def test_independent_groups_have_clopper_pearson_sides():
    a, b = independent(56, 70), independent(48, 80)
    (low_a, high_a), (low_b, high_b) = (interval(Exact(hits=k, n=n)) for k, n in ((56, 70), (48, 80)))
    expected = (0.2 - np.hypot(0.8 - low_a, high_b - 0.6), 0.2 + np.hypot(high_a - 0.8, 0.6 - low_b))
    assert interval(difference(a, b).spread) == pytest.approx(expected)


def test_half_of_what_crossed_groups_have_in_common_counts(column):
    """40 × 2: A one hit in clusters 0–9, B both in 0–3; statistics, §12."""
    a = column([[1, 0]] * 10 + [[0, 0]] * 30)
    b = column([[1, 1]] * 4 + [[0, 0]] * 36)
    reading = difference(a, b)
    assert reading.spread.r == pytest.approx(0.288675, abs=1e-6)
    assert interval(reading.spread) == pytest.approx((-0.112761, 0.128558), abs=1e-6)


def test_what_sets_crossed_groups_apart_counts_whole(column):
    a, b = column([[1, 1]] * 10 + [[0, 0]] * 10), column([[0, 0]] * 10 + [[1, 0]] * 10)
    assert difference(a, b).spread.r == pytest.approx(-1)


def test_one_row_of_each_group_in_every_cluster_is_a_pair(column):
    """30 × 1: A all, B misses 3; the order of the rows does not matter."""
    a, b = column([[1]] * 30), column([[1]] * 27 + [[0]] * 3)
    reading = difference(a, b)
    assert interval(reading.spread) == pytest.approx((-0.040035, 0.265288), abs=1e-6)
    turned = ScoreColumn(b.values[::-1], b.reasons[::-1], (b.clusters[0][::-1],))
    assert difference(a, turned) == reading
    assert difference(a, column([[1]] * 27 + [[0]] * 3, prefix="other")) != reading


def test_what_a_template_does_to_both_groups_narrows(column):
    rng = np.random.default_rng(1)
    hard = rng.random((40, 1))
    rows_a, rows_b = ((rng.random((40, 2)) < hard).astype(float) for _ in range(2))
    shared = difference(column(rows_a.tolist()), column(rows_b.tolist()))
    apart = difference(column(rows_a.tolist()), column(rows_b.tolist(), prefix="other"))
    width = [high - low for low, high in (interval(shared.spread), interval(apart.spread))]
    assert 0 < shared.spread.r <= 0.5
    assert width[0] < width[1]


@pytest.mark.parametrize("answer", [0, 1])
def test_groups_without_a_single_difference_are_not_certainty(column, answer):
    same = column([[answer] * 5] * 40)
    low, high = interval(difference(same, same).spread)
    assert low == pytest.approx(-high)
    assert high > 0.08


def test_templates_that_cancel_exactly_are_not_certainty(column):
    low, high = interval(difference(column([[1, 0]] * 30), column([[0, 1]] * 30)).spread)
    assert high - low > 0.2


def test_ratio_over_nothing_is_unbounded(column):
    few, none = column([[1, 0]] * 3 + [[0, 0]] * 37), column([[0, 0]] * 40)
    assert interval(ratio(few, none).spread)[1] is None
    assert ratio(few, none).value is None


def test_groups_of_two_crossed_factors_decide_nothing():
    names, templates = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    values = (np.arange(30) % 3 == 0).astype(float)
    group = ScoreColumn(values, np.full(30, "", dtype=object), (names, templates))
    assert difference(group, group).shown_only == "crossed_factors"
    assert gap({"a": group, "b": group}).shown_only == "crossed_factors"


def test_ratio_of_scores_that_can_be_negative_is_refused(column):
    with pytest.raises(MeasurementError, match="no meaning"):
        ratio(column([[0.1], [0.2]]), column([[0.1], [0.2]]), (-1, 1))


def test_gap_has_all_pairs_and_the_order_does_not_matter(column):
    rng = np.random.default_rng(2)
    shares = {"a": 0.2, "b": 0.5, "c": 0.6, "d": 0.9}
    groups = {name: column((rng.random((30, 2)) < p).astype(float).tolist()) for name, p in shares.items()}
    means = [group.values.mean() for group in groups.values()]
    reading, other = gap(groups), gap(dict(reversed(groups.items())))
    assert len(reading.spread.parts) == 6
    assert reading.value == pytest.approx(max(means) - min(means))
    assert interval(reading.spread) == pytest.approx(interval(other.spread))
    smallest = smallest_ratio(groups)
    assert smallest.value == pytest.approx(min(means) / max(means))
    assert interval(smallest.spread) == pytest.approx(
        interval(smallest_ratio(dict(reversed(groups.items()))).spread), abs=0.02
    )


def test_two_groups_gap_is_the_absolute_difference(column):
    a, b = column([[1, 1, 0]] * 15 + [[1, 0, 0]] * 15), column([[0, 1, 0]] * 20 + [[0, 0, 0]] * 10)
    low, high = interval(difference(b, a).spread)
    assert low < high < 0
    assert interval(gap({"a": a, "b": b}).spread) == pytest.approx((-high, -low))


@pytest.mark.parametrize("build", [gap, smallest_ratio])
def test_a_group_without_scores_leaves_the_contrast_undefined(column, build):
    groups = {"a": column([[1], [0]]), "b": column([["refused"], ["refused"]])}
    reading = build(groups)
    assert reading.value is None
    assert reading.spread is None
    assert build({"a": groups["a"]}).value is None
    assert build({}).value is None


def test_all_groups_at_nought_have_no_ratio(column):
    nothing = column([[0, 0]] * 30)
    reading = smallest_ratio({"a": nothing, "b": nothing})
    assert reading.value is None
    assert reading.spread is None


@pytest.mark.parametrize("build", [difference, ratio])
def test_two_groups_without_scores_or_with_one_cluster_have_no_interval(column, build):
    full, empty = column([[1, 0]] * 20), column([["tied"]])
    assert build(full, empty).value is build(empty, full).value is None
    reading = build(column([[1, 0, 1]]), column([[1, 1, 0]]))
    assert reading.value is not None
    assert (reading.spread, reading.method) == (None, "none (fewer than two clusters)")


def test_one_group_has_no_gap(column):
    assert gap({"a": column([[1, 0]] * 20)}).method == "none (fewer than two groups)"
    assert contrast_value("gap", [0.5]) is None
