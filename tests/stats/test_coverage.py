"""How often the intervals hold the truth: simulated (seeded) with clusters, skew and rare events.

Each bound is what the methods page promises, less three Monte Carlo errors of the number of runs.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from auditkit.schema import Compound, Exact, Wilson
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import difference, gap, ratio, smallest_ratio
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading
from auditkit.stats.resampling import bootstrap_t

pytestmark = pytest.mark.slow


def covers(spread, truth):
    low, high = interval(spread)
    return low - 1e-12 <= truth and (high is None or truth <= high + 1e-12)


def promised(coverage, runs):
    return coverage - 3 * math.sqrt(coverage * (1 - coverage) / runs)


def beta_clusters(rng, p, icc, shape):
    """Cluster probabilities with mean p and the given correlation within clusters."""
    if icc == 0:
        return np.full(shape, p)
    return rng.beta(p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc, shape)


def hits(rng, theta, sizes):
    """One array of 0s and 1s, cluster after cluster."""
    return (rng.random(int(np.sum(sizes))) < np.repeat(theta, sizes)).astype(float)


def as_column(values, codes):
    return ScoreColumn(values, np.full(len(values), "", dtype=object), (codes,))


@pytest.mark.parametrize("n", [5, 20, 100, 400])
def test_clopper_pearson_errs_at_most_half_alpha_on_each_side(n):
    """Exact coverage, summed over all outcomes."""
    limits = np.array([interval(Exact(hits=k, n=n)) for k in range(n + 1)])
    for p in (0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.77):
        mass = stats.binom.pmf(np.arange(n + 1), n, p)
        assert mass[limits[:, 0] > p].sum() <= 0.025
        assert mass[limits[:, 1] < p].sum() <= 0.025


@pytest.mark.parametrize(
    ("count", "size", "p", "icc"),
    [
        (5, 20, 0.5, 0.3), (10, 10, 0.1, 0.1), (20, 5, 0.5, 0.0), (20, 20, 0.02, 0.2), (25, 74, 0.5, 0.3),
        (40, 10, 0.005, 0.1), (40, 10, 0.1, 0.5), (80, 5, 0.05, 0.3), (200, 5, 0.3, 0.2), (200, 5, 0.01, 0.2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("equal", [True, False])
def test_clustered_shares(count, size, p, icc, equal):
    """§2: .931 to 1.0 over G 5–200, equal and unequal sizes."""
    rng, runs = np.random.default_rng(11), 800
    sizes = np.full(count, size) if equal else 1 + rng.poisson(size - 1, count) * (1 + np.arange(count) % 3)
    codes = np.repeat(np.arange(count), sizes)
    covered = [
        covers(mean_reading(hits(rng, beta_clusters(rng, p, icc, count), sizes), (codes,)).spread, p)
        for _ in range(runs)
    ]
    assert np.mean(covered) >= promised(0.931, runs)


@pytest.mark.parametrize(
    ("count", "size", "p_plus", "p_minus", "icc"),
    [
        (300, 1, 0.02, 0.01, 0.0), (30, 1, 0.05, 0.05, 0.0), (20, 10, 0.02, 0.02, 0.2), (40, 10, 0.2, 0.1, 0.3),
        (40, 10, 0.005, 0.005, 0.1), (80, 5, 0.4, 0.2, 0.3), (25, 40, 0.5, 0.3, 0.2),
    ],
)  # fmt: skip
def test_pairs(count, size, p_plus, p_minus, icc):
    """§3: at least .938, clustered .925."""
    rng, runs = np.random.default_rng(12), 800
    codes, covered = np.repeat(np.arange(count), size), []
    for _ in range(runs):
        discordant = hits(rng, beta_clusters(rng, p_plus + p_minus, icc, count), np.full(count, size))
        signs = hits(rng, beta_clusters(rng, p_plus / (p_plus + p_minus), icc, count), np.full(count, size))
        values = discordant * (2 * signs - 1)
        covered.append(covers(mean_reading(values, (codes,), (-1, 1)).spread, p_plus - p_minus))
    assert np.mean(covered) >= promised(0.938 if size == 1 else 0.925, runs)


@pytest.mark.parametrize(("count", "size"), [(5, 10), (10, 5), (30, 3)])
def test_clustered_t(count, size):
    """§2: .944 to .950 from G = 5 for normal clusters."""
    rng, runs = np.random.default_rng(13), 1500
    codes = np.repeat(np.arange(count), size)
    noise = rng.normal(0, 1, (runs, count, 1)) + rng.normal(0, 1, (runs, count, size))
    values = np.clip(0.5 + 0.05 * noise, 0, 1).reshape(runs, -1)
    covered = [covers(mean_reading(row, (codes,)).spread, 0.5) for row in values]
    assert np.mean(covered) >= promised(0.944, runs)


def test_two_crossed_factors():
    """Names × templates, both with an effect; either alone covers too little."""
    rng, runs, names, templates = np.random.default_rng(14), 800, 25, 30
    name, template = (grid.ravel() for grid in np.meshgrid(np.arange(names), np.arange(templates), indexing="ij"))
    crossed, single = [], []
    for _ in range(runs):
        effects = rng.normal(0, 1, names)[name] + rng.normal(0, 1, templates)[template] + rng.normal(0, 1, len(name))
        values = np.clip(0.5 + 0.05 * effects, 0, 1)
        crossed.append(covers(mean_reading(values, (name, template)).spread, 0.5))
        single.append(covers(mean_reading(values, (name,)).spread, 0.5))
    assert np.mean(crossed) >= promised(0.93, runs)
    assert np.mean(single) < 0.9


@pytest.mark.parametrize("count", [4, 6, 12, 40])
def test_bootstrap_t_for_skewed_scores(count):
    """§2: .94 to .97 for G 4–40, where Student's t gives .80 to .90."""
    rng, runs, size = np.random.default_rng(15), 500, 4
    codes = np.repeat(np.arange(count), size)
    by_bootstrap, by_t = [], []
    for _ in range(runs):
        values = np.repeat(rng.beta(0.3, 3, count), size)
        by_bootstrap.append(covers(bootstrap_t(values, codes, (0, 1), draws=1_999), 0.3 / 3.3))
        by_t.append(covers(mean_reading(values, (codes,)).spread, 0.3 / 3.3))
    assert np.mean(by_bootstrap) >= promised(0.93, runs)
    assert np.mean(by_t) < np.mean(by_bootstrap)


@pytest.mark.parametrize(("n_a", "p_a", "n_b", "p_b"), [(30, 0.1, 50, 0.2), (70, 0.8, 80, 0.6), (40, 0.02, 200, 0.3)])
def test_newcombe_and_mover_r_on_independent_shares(n_a, p_a, n_b, p_b):
    """Exact coverage, summed over all outcomes; §1: MOVER-R .947 to .998."""
    mass_a, mass_b = (stats.binom.pmf(np.arange(n + 1), n, p) for n, p in ((n_a, p_a), (n_b, p_b)))
    by_difference = by_ratio = 0.0
    for a in np.flatnonzero(mass_a > 1e-7):
        for b in np.flatnonzero(mass_b > 1e-7):
            parts = (Wilson(share=a / n_a, n_eff=n_a), Wilson(share=b / n_b, n_eff=n_b))
            mass = mass_a[a] * mass_b[b]
            by_difference += mass * covers(Compound(op="difference", parts=parts), p_a - p_b)
            by_ratio += mass * covers(Compound(op="ratio", parts=parts), p_a / p_b)
    assert by_difference >= 0.94
    assert by_ratio >= 0.94


@pytest.mark.parametrize(
    ("count", "size", "p_a", "p_b", "icc"),
    [
        (10, 10, 0.5, 0.4, 0.3), (40, 3, 0.01, 0.05, 0.2), (40, 3, 0.1, 0.1, 0.3), (80, 4, 0.5, 0.3, 0.5),
        (40, 1, 0, 0.04, 0),
    ],
)  # fmt: skip
def test_difference_and_ratio_of_groups_that_share_templates(count, size, p_a, p_b, icc):
    """Both groups see the same templates; one rank decides how hard a template is for both."""
    rng, runs = np.random.default_rng(16), 600
    codes, sizes = np.repeat(np.arange(count), size), np.full(count, size)
    by_difference, by_ratio = [], []
    for _ in range(runs):
        if icc:
            rank = rng.random(count)
            theta_a, theta_b = (stats.beta.ppf(rank, p * (1 / icc - 1), (1 - p) * (1 / icc - 1)) for p in (p_a, p_b))
        else:
            theta_a, theta_b = np.full(count, p_a), np.full(count, p_b)
        a, b = (as_column(hits(rng, theta, sizes), codes) for theta in (theta_a, theta_b))
        by_difference.append(covers(difference(a, b).spread, p_a - p_b))
        by_ratio.append(covers(ratio(a, b).spread, p_a / p_b))
    assert np.mean(by_difference) >= promised(0.94, runs)
    assert np.mean(by_ratio) >= promised(0.94, runs)


def test_difference_of_groups_in_disjoint_clusters():
    rng, runs, count, size = np.random.default_rng(17), 800, 30, 8
    codes, sizes, covered = np.repeat(np.arange(count), size), np.full(count, size), []
    for _ in range(runs):
        a, b = (hits(rng, beta_clusters(rng, p, 0.3, count), sizes) for p in (0.1, 0.3))
        covered.append(covers(difference(as_column(a, codes), as_column(b, codes + count)).spread, -0.2))
    assert np.mean(covered) >= promised(0.94, runs)


@pytest.mark.parametrize(("groups", "share_templates"), [(3, True), (3, False), (6, True)])
def test_gap_of_equal_groups_reaches_down_to_zero(groups, share_templates):
    """§8: an interval made for one contrast covers .27 at 12 groups; all pairwise contrasts hold their level."""
    rng, runs, count, size = np.random.default_rng(18), 250, 30, 4
    codes, sizes, at_zero, at_one = np.repeat(np.arange(count), size), np.full(count, size), [], []
    for _ in range(runs):
        theta = beta_clusters(rng, 0.4, 0.2, count)
        columns = {
            str(g): as_column(hits(rng, theta, sizes), codes)
            if share_templates
            else as_column(hits(rng, beta_clusters(rng, 0.4, 0.2, count), sizes), codes + g * count)
            for g in range(groups)
        }
        at_zero.append(interval(gap(columns).spread)[0] == 0)
        at_one.append(interval(smallest_ratio(columns).spread)[1] == 1)
    assert np.mean(at_zero) >= promised(0.95, runs)
    assert np.mean(at_one) >= promised(0.95, runs)


def test_gap_of_unequal_groups_holds_the_truth():
    rng, runs, count, size = np.random.default_rng(19), 300, 40, 4
    codes, sizes, covered = np.repeat(np.arange(count), size), np.full(count, size), []
    for _ in range(runs):
        effect = rng.uniform(-0.2, 0.2, count)
        columns = {
            str(p): as_column(hits(rng, np.clip(p + effect, 0, 1), sizes), codes) for p in (0.3, 0.4, 0.45, 0.6)
        }
        covered.append(covers(gap(columns).spread, 0.3))
    assert np.mean(covered) >= promised(0.95, runs)
