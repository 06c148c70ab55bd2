"""Bootstrap-t over clusters, for means of skewed scores (statistics §2).

Source: Hall 1988, Theoretical Comparison of Bootstrap Confidence Intervals, §2 (the percentile-t method); Hesterberg
2015, §5.3. Statistics over a corpus have `corpus_bootstrap`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from auditkit.schema import Bootstrap
from auditkit.stats.columns import Codes, Floats, Range

_LOWER = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
GRID: tuple[float, ...] = (*_LOWER, 0.5, *(1 - p for p in reversed(_LOWER)))
"""Probabilities at which quantiles are kept; what lies further out is unknown."""

_CELLS = 4_000_000
"""Weights held at once."""


def bootstrap_t(
    values: Floats, codes: Codes, range: Range, seed: int = 0, draws: int = 9_999
) -> Bootstrap:
    """Quantiles of a mean by the studentised bootstrap over clusters.

    q_p = mean − t*_{1−p}·SE, with t* = (mean* − mean)/SE* over the replicates. A replicate without any spread between
    its clusters counts as infinitely far out: it widens the interval.

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
        # no error to divide by: as far out as can be, on the side on which the replicate lies
        far = np.where(means == mean, 0.0, np.copysign(np.inf, means - mean))
        ratios.append(np.where(flat, far, (means - mean) / np.where(flat, 1.0, errors)))
    # Order statistics, not interpolation: infinite replicates must stay infinite.
    upper = np.quantile(np.concatenate(ratios), 1 - np.array(GRID), method="inverted_cdf")
    quantiles = np.clip(mean - upper * error, *range)
    return Bootstrap(levels=GRID, quantiles=tuple(np.maximum.accumulate(quantiles).tolist()))


def _errors(weights: Floats, sums: Floats, sizes: Floats, means: Floats) -> Floats:
    """Cluster-robust errors of weighted means: weights (B, G), means (B,) → (B,).

    √(G/(G−1)·Σ_c w_c·(sum_c − mean·size_c)²) / Σ_c w_c·size_c, with the square multiplied out so that it is three
    matrix products.
    """
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
