"""Differences and ratios of groups."""

from __future__ import annotations

import math

import numpy as np
import pytest

from auditkit.errors import MeasurementError
from auditkit.schema import Compound, StudentT
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import contrast_value, difference, gap, ratio, smallest_ratio
from auditkit.stats.intervals import interval


def independent(hits, n):
    values = np.array([1.0] * hits + [0.0] * (n - hits))
    return ScoreColumn(values, np.full(n, "", dtype=object), ())


def test_groups_without_a_common_cluster_are_newcombe_and_mover_r():
    a, b = independent(56, 70), independent(48, 80)
    reading = difference(a, b)
    assert reading.method == "Newcombe"
    assert interval(reading.spread) == pytest.approx((0.052431, 0.333873), abs=1e-6)
    reading = ratio(b, a)
    assert reading.value == pytest.approx(0.75)
    assert interval(reading.spread) == pytest.approx((0.601352, 0.927390), abs=1e-6)


def test_mover_r_lies_near_the_log_delta_interval():
    """exp(log .75 ± 1.96·√(1/48 − 1/80 + 1/56 − 1/70)) = [.605602, .928827]."""
    assert interval(ratio(independent(48, 80), independent(56, 70)).spread) == pytest.approx(
        (0.605602, 0.928827), abs=0.005
    )


def test_groups_that_share_templates_are_linearised(column):
    """By hand: contributions of each template to both means, G/(G−1), t with 21 degrees of freedom."""
    rng = np.random.default_rng(0)
    rows_a, rows_b = rng.random((22, 3)), rng.random((22, 2))
    a, b = column(rows_a.tolist()), column(rows_b.tolist())
    contributions = (rows_a - rows_a.mean()).sum(1) / 66 - (rows_b - rows_b.mean()).sum(1) / 44
    reading = difference(a, b)
    assert reading.spread.se == pytest.approx(math.sqrt(22 / 21 * (contributions**2).sum()))
    assert reading.spread.df == 21
    logs = (rows_a - rows_a.mean()).sum(1) / 66 / rows_a.mean() - (rows_b - rows_b.mean()).sum(1) / 44 / rows_b.mean()
    reading = ratio(a, b)
    assert reading.spread.se == pytest.approx(math.sqrt(22 / 21 * (logs**2).sum()))
    assert math.exp(reading.spread.mean) == pytest.approx(rows_a.mean() / rows_b.mean())


def test_what_a_template_does_to_both_groups_cancels(column):
    rng = np.random.default_rng(1)
    hard = rng.random((40, 1))
    rows_a, rows_b = hard + 0.01 * rng.random((40, 2)), hard + 0.01 * rng.random((40, 2))
    shared = difference(column(rows_a.tolist()), column(rows_b.tolist()), (0, 2))
    apart = difference(column(rows_a.tolist()), column(rows_b.tolist(), prefix="other"), (0, 2))
    assert isinstance(shared.spread, StudentT)
    assert isinstance(apart.spread, Compound)
    width = [high - low for low, high in (interval(shared.spread), interval(apart.spread))]
    assert width[0] < width[1] / 20


@pytest.mark.parametrize("answer", [0, 1])
def test_groups_without_a_single_difference_are_not_certainty(column, answer):
    """40 templates: as wide as Bonett–Price on 40 pairs without a discordant one (±t·√2/42)."""
    same = column([[answer] * 5] * 40)
    low, high = interval(difference(same, same).spread)
    assert low == pytest.approx(-high)
    assert high == pytest.approx(2.022691 * math.sqrt(2) / 40, rel=1e-5)


def test_templates_that_cancel_exactly_are_not_certainty(column):
    low, high = interval(difference(column([[1, 0]] * 30), column([[0, 1]] * 30)).spread)
    assert high - low > 0.2


def test_ratio_with_few_hits_is_mover_r(column):
    few = column([[1, 0]] * 3 + [[0, 0]] * 37)
    none = column([[0, 0]] * 40)
    assert ratio(few, few).method == "MOVER-R"
    assert interval(ratio(few, none).spread)[1] is None
    assert ratio(few, none).value is None


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
