"""Contrasts from the limits of their sides: published vectors on Wilson's limits, made by statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from auditkit.stats.mover import Side, difference_limits, gap_limits, ratio_limits, smallest_ratio_limits


def wilson(hits: int, n: int, alpha: float = 0.05) -> Side:
    return Side(hits / n, *proportion_confint(hits, n, alpha, "wilson"))


def test_on_wilsons_limits_a_difference_is_newcombes():
    assert difference_limits(wilson(56, 70), wilson(48, 80)) == pytest.approx((0.052431, 0.333873), abs=1e-6)
    assert difference_limits(wilson(56, 70, 0.1), wilson(48, 80, 0.1)) == pytest.approx(
        confint_proportions_2indep(56, 70, 48, 80, method="newcomb", alpha=0.1, correction=False), abs=1e-9
    )


def test_on_wilsons_limits_a_ratio_has_the_published_limits():
    assert ratio_limits(wilson(48, 80), wilson(56, 70)) == pytest.approx((0.601352, 0.927390), abs=1e-6)
    assert ratio_limits(wilson(0, 50), wilson(40, 50)) == pytest.approx((0, 0.090393), abs=1e-6)


def test_a_ratio_lies_near_the_log_delta_interval():
    """exp(log .75 ± 1.96·√(1/48 − 1/80 + 1/56 − 1/70)) = [.605602, .928827]."""
    assert ratio_limits(wilson(48, 80), wilson(56, 70)) == pytest.approx((0.605602, 0.928827), abs=0.005)


def test_a_ratio_over_nothing_is_unbounded():
    low, high = ratio_limits(wilson(40, 50), wilson(0, 50))
    assert high is None
    assert low > 1
    assert ratio_limits(wilson(0, 5), wilson(0, 5)) == (0, None)


def test_a_ratio_of_tiny_samples_crosses_the_singular_point_smoothly():
    """At u_B = 2·p_B the usual form of the lower limit is 0/0."""
    q2 = 1.959964**2
    share = 1 / (2 * (10 / q2 + 1)) + 0.5 / (10 / q2 + 1)
    lows = []
    for step in np.linspace(-0.02, 0.02, 41):
        p = share + step
        centre, half = (p + q2 / 20) / (1 + q2 / 10), math.sqrt(q2 * p * (1 - p) / 10 + q2**2 / 400) / (1 + q2 / 10)
        lows.append(ratio_limits(wilson(5, 10), Side(p, centre - half, centre + half))[0])
    assert all(math.isfinite(low) for low in lows)
    assert np.abs(np.diff(lows)).max() < 0.02


@pytest.mark.parametrize("contrast", [difference_limits, ratio_limits])
def test_what_sides_have_in_common_narrows_and_what_sets_them_apart_widens(contrast):
    a, b = wilson(30, 50), wilson(25, 50)
    widths = [high - low for low, high in (contrast(a, b, r) for r in (-0.5, 0.0, 0.5))]
    assert widths == sorted(widths, reverse=True)


def test_the_lower_limit_of_a_gap_allows_for_the_number_of_contrasts():
    corrected, alone = [(-0.1, 0.3), (-0.5, -0.2)], [(-0.05, 0.25), (-0.45, -0.25)]
    assert gap_limits(corrected, alone) == (0.2, 0.45)
    assert gap_limits([(-0.1, 0.3)], [(-0.05, 0.25)]) == (0.0, 0.25)
    assert gap_limits([(None, None)], [(0.1, 0.2)]) == (None, None)
    assert gap_limits([(0.1, 0.2)], [(None, None)]) == (None, None)


def test_the_smallest_ratio_is_the_gap_of_logarithms():
    corrected, alone = [(0.5, 0.9), (1.25, 4.0)], [(0.6, 0.8), (1.5, 3.0)]
    assert smallest_ratio_limits(corrected, alone) == pytest.approx((1 / 3.0, 0.8))
    assert smallest_ratio_limits([(0.5, 2.0)], [(0.6, 1.5)]) == pytest.approx((0.6, 1.0))
    assert smallest_ratio_limits([(None, None)], [(0.1, 0.2)]) == (None, None)


def test_the_smallest_ratio_with_an_unbounded_contrast_could_be_nought():
    low, high = smallest_ratio_limits([(2.0, None)], [(2.5, None)])
    assert (low, high) == (0, 0.5)
    assert smallest_ratio_limits([(0.0, 0.0)], [(0.0, 0.0)]) == (0.0, 0.0)
