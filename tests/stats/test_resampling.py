"""Bootstraps: scipy as oracle, and the standard errors of other tools as a warning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.schema import Bootstrap
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading
from auditkit.stats.resampling import GRID, bootstrap_t, cluster_bootstrap

DATA = np.random.default_rng(4).gamma(0.8, 1, 60)


def test_bca_agrees_with_scipy():
    ours = cluster_bootstrap(lambda rows: float(np.std(DATA[rows])), np.arange(60), draws=6_000, seed=0)
    theirs = stats.bootstrap((DATA,), np.std, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1))
    low, high = interval(ours.spread)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)
    assert ours.method.startswith("BCa")


def test_the_error_is_the_spread_of_replicates_and_not_of_their_mean():
    """For a mean it must come near sd/√n, not that ÷ √B (31.6 times too small at B = 1000)."""
    result = cluster_bootstrap(lambda rows: float(DATA[rows].mean()), np.arange(60), draws=3_000)
    assert result.se == pytest.approx(DATA.std(ddof=1) / np.sqrt(60), rel=0.04)


def test_few_clusters_get_the_correction():
    """Bootstrap variance over G clusters is (G−1)/G too small: at G = 4 the error lacks a factor √(4/3)."""
    values = np.repeat(np.array([0.1, 0.4, 0.5, 0.9]), 3)
    result = cluster_bootstrap(lambda rows: float(values[rows].mean()), np.repeat(list("abcd"), 3), draws=20_000)
    assert result.se == pytest.approx(np.std([0.1, 0.4, 0.5, 0.9], ddof=1) / 2, rel=0.02)


def test_clusters_stay_together():
    seen = []
    clusters = np.array(["a", "b", "a", "b", "c"])
    cluster_bootstrap(lambda rows: seen.append(sorted(rows.tolist())) or float(len(seen)), clusters, draws=20)
    for rows in seen[1:21]:
        assert rows.count(0) == rows.count(2)
        assert rows.count(1) == rows.count(3)


def test_equal_replicates_give_no_interval():
    result = cluster_bootstrap(lambda rows: 0.5, np.arange(5), draws=50)
    assert result.spread is None
    assert result.method.startswith("none")


def test_without_a_finite_correction_it_is_the_percentile_interval():
    result = cluster_bootstrap(lambda rows: float(len(np.unique(rows))), np.arange(9), draws=500)
    assert result.method.startswith("percentile")


def test_one_cluster_cannot_be_resampled():
    with pytest.raises(ValueError, match="two"):
        cluster_bootstrap(lambda rows: 0.0, np.zeros(5))


def test_the_seed_decides_and_nought_is_one():
    codes = np.repeat(np.arange(15), 4)
    runs = [bootstrap_t(DATA, codes, (0, 10), seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_bootstrap_t_of_symmetric_scores_comes_near_students_t():
    values = np.random.default_rng(6).normal(0.5, 0.05, 200)
    by_bootstrap = interval(bootstrap_t(values, np.arange(200), (0, 1), draws=20_000))
    assert by_bootstrap == pytest.approx(stats.t.interval(0.95, 199, values.mean(), stats.sem(values)), abs=7e-4)


def test_bootstrap_t_reaches_further_up_for_a_long_tail():
    values = np.clip(DATA / 10, 0, 1)
    reading = mean_reading(values, (np.arange(60),), skewed=True)
    assert isinstance(reading.spread, Bootstrap)
    assert reading.spread.levels == GRID
    low, high = interval(reading.spread)
    assert high - reading.value > 1.1 * (reading.value - low)


def test_bootstrap_t_with_two_clusters_says_little():
    low, high = interval(bootstrap_t(np.array([0.1, 0.1, 0.4, 0.5]), np.array([0, 0, 1, 1]), (0, 1)))
    assert (low, high) == (0, 1)
