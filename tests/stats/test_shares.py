"""Limits of hits and of clustered shares: published vectors, another library, and the traps of few clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from auditkit.schema import Exact, Share
from auditkit.stats.intervals import interval, limits
from auditkit.stats.means import mean_reading
from auditkit.stats.shares import quantile


def clustered(rows):
    values = np.concatenate([np.array(row, dtype=float) for row in rows])
    return mean_reading(values, (np.repeat(np.arange(len(rows)), [len(row) for row in rows]),))


@pytest.mark.parametrize(
    ("hits", "n", "expected"),
    [
        (0, 10, (0, 0.308497)), (1, 10, (0.002529, 0.445016)), (10, 10, (0.691503, 1)),
        (286, 1319, (0.194864, 0.240067)),
    ],
)  # fmt: skip
def test_independent_hits_have_the_published_limits(hits, n, expected):
    assert interval(Exact(hits=hits, n=n)) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 400), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_independent_hits_agree_with_statsmodels(n, share, level):
    hits = round(share * n)
    assert interval(Exact(hits=hits, n=n), level) == pytest.approx(
        proportion_confint(hits, n, 1 - level, "beta"), abs=1e-9
    )


@pytest.mark.parametrize("n", [5, 20, 100, 400])
def test_clopper_pearson_errs_at_most_half_alpha_on_each_side(n):
    """Exact error at the bound, summed over all outcomes."""
    ends = np.array([interval(Exact(hits=k, n=n)) for k in range(n + 1)])
    for p in (0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.77):
        mass = stats.binom.pmf(np.arange(n + 1), n, p)
        assert mass[ends[:, 0] > p].sum() <= 0.025
        assert mass[ends[:, 1] < p].sum() <= 0.025


@pytest.mark.parametrize(
    ("hits", "expected"), [(0, (0, 0.140389)), (1, (0.000010, 0.139622)), (25, (0.008542, 0.130023))]
)
def test_rare_hits_each_in_a_cluster_of_its_own(hits, expected):
    reading = clustered([[int(i < hits)] + [0] * 73 for i in range(25)])
    assert interval(reading.spread) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 1, 1], [0, 0, 0], [1, 0, 1], [1, 1, 1]], (0.040512, 0.998700)),
        ([[1, 0]] * 25, (0.347508, 0.652492)),
        ([[1] * 4] * 3 + [[0] * 4] * 37, (0.014656, 0.208568)),
    ],
)
def test_clustered_hits_have_the_published_limits(rows, expected):
    assert interval(clustered(rows).spread) == pytest.approx(expected, abs=1e-6)


def test_clusters_of_one_to_eight_have_the_published_limits():
    sizes = np.tile(np.arange(1, 9), 3)
    values = (np.arange(108) % 5 == 0).astype(float)
    reading = mean_reading(values, (np.repeat(np.arange(24), sizes),))
    assert reading.value == pytest.approx(22 / 108)
    assert interval(reading.spread) == pytest.approx((0.127611, 0.331226), abs=1e-6)


def test_without_a_hit_the_number_of_clusters_decides():
    highs = [interval(clustered([[0] * 4] * count).spread)[1] for count in (12, 20, 25, 40, 64, 112, 200)]
    assert highs == pytest.approx([0.281, 0.174, 0.140, 0.089, 0.056, 0.033, 0.018], abs=5e-4)


def test_one_dominant_cluster_is_not_certainty():
    """300 rows by one author, and 29 authors of 10: 30 clusters tell as much as 3.8, whatever the others say."""
    spread = clustered([[1] * 300] + [[0] * 10] * 29).spread
    assert spread.effective_clusters == pytest.approx(590**2 / (300**2 + 29 * 100))
    low, high = interval(spread)
    assert low < 0.05
    assert high > 0.95
    # as good as one cluster: nothing is known
    assert interval(clustered([[1] * 4000, [1]]).spread) == pytest.approx((0, 1), abs=1e-3)


def test_the_limits_at_the_middle_are_those_that_the_others_run_towards():
    """At a tail of one half both quantiles are 0, and their ratio is taken as a limit."""
    spread = clustered([[1, 0, 0]] * 6 + [[1, 1, 0]] * 3).spread
    assert limits(spread, 0.5) == pytest.approx(limits(spread, 0.5 - 1e-6), abs=1e-5)


def test_limits_are_placed_by_the_range():
    assert interval(Exact(hits=1, n=10, range=(-1, 1))) == pytest.approx(
        (2 * 0.002529 - 1, 2 * 0.445016 - 1), abs=2e-6
    )
    share = clustered([[1, 0]] * 25).spread.model_copy(update={"range": (-100.0, 100.0)})
    assert interval(share) == pytest.approx((-30.4984, 30.4984), abs=1e-3)


def test_what_errs_upward_has_a_lower_limit_that_is_lowered():
    share = clustered([[1, 0]] * 25).spread
    low, high = interval(share)
    biased = share.model_copy(update={"bias": 0.1})
    assert interval(biased) == pytest.approx((low - 0.1, high))
    assert interval(share.model_copy(update={"bias": 0.9}))[0] == 0


def test_quantiles_are_those_of_the_tables():
    assert quantile(None, 0.025) == pytest.approx(1.959964, abs=1e-6)
    assert quantile(3, 0.025) == pytest.approx(3.182446, abs=1e-6)


def test_a_share_is_a_record_of_six_numbers():
    spread = clustered([[1, 0], [1, 1, 0]]).spread
    # by hand: p = .6, residual sums 1 − 1.2 and 2 − 1.8, G/(G−1) = 2
    assert isinstance(spread, Share)
    assert (spread.n, spread.largest, spread.capped, spread.range) == (5, 3, True, (0.0, 1.0))
    assert (spread.share, spread.squares, spread.effective_clusters) == pytest.approx((0.6, 0.16, 25 / 13))
