"""BCa intervals over clusters: scipy as oracle, and the properties that other tools' bootstraps lack."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.stats.clusters import Design
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.corpus import CorpusStatistic, statistic
from auditkit.stats.corpus_bootstrap import WIDE_GRID, plan_one, resampled
from auditkit.stats.intervals import interval
from auditkit.stats.weighted import Additive

DATA = np.random.default_rng(4).gamma(0.8, 1, 400)


@statistic()
def deviation(parts):
    x = parts["x"]
    return Additive.of([np.ones(len(x)), x, x * x], lambda sums: np.sqrt(sums[:, 2] / sums[:, 0] - mean_of(sums) ** 2))


@statistic()
def mean(parts):
    return Additive.of([np.ones(len(parts["x"])), parts["x"]], mean_of)


def mean_of(sums):
    return sums[:, 1] / sums[:, 0]


def reading(of: CorpusStatistic, x, clusters, draws=6_000, **options):
    plan = plan_one(of.prepare({"x": x}), Design.of([clusters], len(x)))
    return resampled(of.value({"x": x}), plan, (0, 10), 0, draws=draws, **options)


def test_bca_agrees_with_scipy():
    """With 400 clusters the expansion for few clusters is no more than .4 % of the width."""
    low, high = interval(reading(deviation, DATA, np.arange(400)).spread)
    theirs = stats.bootstrap((DATA,), np.std, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.05 * width)


def test_few_clusters_get_students_t_and_the_correction():
    """A bootstrap over G clusters is √((G−1)/G) too narrow, and z too short: at G = 6 the expansion is 1.44."""
    x = np.repeat([0.1, 0.3, 0.4, 0.6, 0.7, 0.9], 3)
    low, high = interval(reading(mean, x, np.repeat(np.arange(6), 3), draws=20_000).spread)
    error = np.std([0.1, 0.3, 0.4, 0.6, 0.7, 0.9], ddof=1) / np.sqrt(6)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 5) * error, rel=0.1)


def test_many_draws_do_not_narrow_it():
    few, many = (interval(reading(mean, DATA, np.arange(400), draws=draws).spread) for draws in (1_000, 10_000))
    assert many[1] - many[0] == pytest.approx(few[1] - few[0], rel=0.1)


def test_a_bias_lowers_lower_limits_alone():
    plain, lowered = (reading(mean, DATA, np.arange(400), bias=bias) for bias in (0.0, 0.05))
    assert interval(lowered.spread)[0] == pytest.approx(interval(plain.spread)[0] - 0.05)
    assert interval(lowered.spread)[1] == interval(plain.spread)[1]
    assert "with nothing to find it would read 0.05" in lowered.method
    assert lowered.spread.levels == WIDE_GRID


def test_without_acceleration_it_says_so():
    assert reading(mean, DATA, np.arange(400), accelerated=False).method.startswith("expanded bias-corrected")


def test_replicates_on_one_side_have_no_correction():
    """The largest number is exceeded by no replicate."""
    plan = plan_one(mean.prepare({"x": DATA}), Design.of([np.arange(400)], 400))
    assert resampled(9.0, plan, (0, 10), 0).method.startswith("expanded bias-corrected")


def test_two_crossed_factors_are_drawn_apart():
    """Owen's pigeonhole bootstrap: wider than over either factor alone where both matter."""
    rng = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(20), 15), np.tile(np.arange(15), 20)
    x = 4 + rng.normal(0, 1, 20)[rows] + rng.normal(0, 1, 15)[columns]
    width = {}
    for name, factors in {"rows": (rows,), "columns": (columns,), "both": (rows, columns)}.items():
        column = ScoreColumn(np.full(300, np.nan), np.full(300, ""), factors, {"x": x})
        low, high = interval(mean.read(column, (0, 10), 0).spread)
        width[name] = high - low
    assert width["both"] > max(width["rows"], width["columns"])
    expected = np.hypot(width["rows"], width["columns"])
    assert width["both"] == pytest.approx(expected, rel=0.25)
