"""Bootstrap-t: Student's t as oracle where it holds, and further up for a long tail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.schema import Bootstrap
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading
from auditkit.stats.resampling import GRID, bootstrap_t

DATA = np.random.default_rng(4).gamma(0.8, 1, 60)


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
