"""Resampling of whole clusters: bootstrap-t for skewed scores, BCa for metrics over a corpus (statistics §2, §4).

Sources: Efron 1987 (BCa); Hall 1988 (bootstrap-t).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.schema import Bootstrap
from auditkit.stats.columns import Floats, Range

_LOWER = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
GRID: tuple[float, ...] = (*_LOWER, 0.5, *(1 - p for p in reversed(_LOWER)))
"""Probabilities at which quantiles are kept; what lies further out is unknown."""

_CELLS = 4_000_000
"""Weights held at once."""


@dataclass(frozen=True)
class Bootstrapped:
    """What resampling says about a statistic."""

    value: float
    """On the data as they are."""
    se: float
    """Standard deviation of the replicates × √(G/(G−1)); never divided by √B."""
    spread: Bootstrap | None
    """`None` where all replicates are equal: no interval, or the rule of shares (§2)."""
    method: str


def cluster_bootstrap(
    statistic: Callable[[npt.NDArray[np.intp]], float],
    clusters: npt.NDArray[Any],
    *,
    draws: int = 2_000,
    seed: int = 0,
) -> Bootstrapped:
    """Bootstrap a statistic over clusters, with BCa quantiles.

    Not for max–min gaps, nor for metrics with a kink: see statistics §4 and §8.

    Args:
        statistic: from row numbers (with repeats) to a finite number.
        clusters: shape (n,), the cluster of each row; pairs and twins share one.
        draws: B, at least 2,000 for a reported interval.
        seed: 0 is a seed too.

    Raises:
        ValueError: fewer than two clusters.
    """
    codes = np.unique(clusters, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    count = len(members)
    if count < 2:
        raise ValueError("a bootstrap over clusters needs two of them")
    rng = np.random.default_rng(seed)
    value = float(statistic(np.arange(len(codes))))
    replicates = np.array(
        [statistic(np.concatenate([members[i] for i in rng.integers(count, size=count)])) for _ in range(draws)]
    )
    left_out = np.array([statistic(np.flatnonzero(codes != i)) for i in range(count)])
    se = float(replicates.std(ddof=1) * np.sqrt(count / (count - 1)))
    if np.ptp(replicates) == 0:
        return Bootstrapped(value, se, None, "none (all replicates equal)")
    levels, method = bca_levels(value, replicates, left_out)
    quantiles = np.maximum.accumulate(np.quantile(replicates, levels))
    return Bootstrapped(value, se, Bootstrap(levels=GRID, quantiles=tuple(quantiles.tolist())), method)


def bca_levels(value: float, replicates: Floats, left_out: Floats) -> tuple[Floats, str]:
    """Where in the replicates the quantiles of `GRID` lie, bias-corrected and accelerated.

    Args:
        value: the statistic on the data.
        replicates: shape (B,).
        left_out: shape (G,), the statistic without each cluster.

    Returns:
        Probabilities, shape (len(GRID),), and the method: without a finite correction those of the percentile interval.
    """
    grid = np.array(GRID)
    share = float((replicates < value).mean() + 0.5 * (replicates == value).mean())
    apart = left_out.mean() - left_out
    squares = float((apart**2).sum())
    if share in (0.0, 1.0) or squares == 0:
        return grid, "percentile bootstrap over clusters"
    z0 = float(special.ndtri(share))
    acceleration = float((apart**3).sum()) / (6 * squares**1.5)
    shifted = z0 + special.ndtri(grid)
    return np.asarray(special.ndtr(z0 + shifted / (1 - acceleration * shifted))), "BCa bootstrap over clusters"


def bootstrap_t(
    values: Floats, codes: npt.NDArray[np.intp], range: Range, seed: int = 0, draws: int = 9_999
) -> Bootstrap:
    """Quantiles of a mean by the studentised bootstrap over clusters.

    A replicate without any spread between its clusters counts as infinitely far out: it widens the interval.

    Args:
        values: scores, shape (n,).
        codes: cluster numbers 0…G−1, shape (n,), G at least 2.
        range: quantiles are clipped to it.
        seed: 0 is a seed too.
        draws: B.
    """
    sizes: Floats = np.bincount(codes).astype(np.float64)
    sums: Floats = np.bincount(codes, values).astype(np.float64)
    mean = float(values.mean())
    error = _errors(np.ones((1, len(sizes))), sums, sizes, np.array([mean]))[0]
    ratios = []
    for weights in _draws(len(sizes), draws, seed):
        means = weights @ sums / (weights @ sizes)
        errors = _errors(weights, sums, sizes, means)
        flat = errors <= 1e-12 * (range[1] - range[0])
        far = np.where(means == mean, 0.0, np.copysign(np.inf, means - mean))
        ratios.append(np.where(flat, far, (means - mean) / np.where(flat, 1.0, errors)))
    # Order statistics, not interpolation: infinite replicates must stay infinite.
    upper = np.quantile(np.concatenate(ratios), 1 - np.array(GRID), method="inverted_cdf")
    quantiles = np.clip(mean - upper * error, *range)
    return Bootstrap(levels=GRID, quantiles=tuple(np.maximum.accumulate(quantiles).tolist()))


def _errors(weights: Floats, sums: Floats, sizes: Floats, means: Floats) -> Floats:
    """Cluster-robust errors of weighted means: weights (B, G), means (B,) → (B,)."""
    count = len(sizes)
    squares = weights @ sums**2 - 2 * means * (weights @ (sums * sizes)) + means**2 * (weights @ sizes**2)
    errors: Floats = np.sqrt(np.maximum(squares, 0.0) * count / (count - 1)) / (weights @ sizes)
    return errors


def _draws(count: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each of `count` clusters is drawn, in blocks of shape (b, count)."""
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // count)
    shares = np.full(count, 1 / count)
    for start in range(0, draws, block):
        yield rng.multinomial(count, shares, size=min(block, draws - start)).astype(np.float64)
