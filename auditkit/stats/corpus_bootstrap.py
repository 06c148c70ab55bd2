"""The bootstrap over clusters of a statistic that takes weights: plans of what is drawn, and BCa limits.

Sources: Efron 1987, Better Bootstrap Confidence Intervals (BCa; equations below as numbered by Efron and Tibshirani
1993, An Introduction to the Bootstrap, §14.3); Hesterberg 2015, What Teachers Should Know about the Bootstrap, §5
(expansion for few clusters: Student's t quantiles times √(G/(G−1)) in place of normal ones); Owen 2007, The Pigeonhole
Bootstrap (two crossed factors are drawn apart and their weights multiplied, which errs on the wide side).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from auditkit.schema import Bootstrap
from auditkit.stats.clusters import Design
from auditkit.stats.columns import Codes, Floats, Range, ScoreColumn
from auditkit.stats.means import Reading
from auditkit.stats.resampling import GRID
from auditkit.stats.weighted import Prepared

DRAWS = 2_000
"""Replicates."""
WIDE_GRID: tuple[float, ...] = (0.00005, *GRID, 0.99995)
"""Self-tests ask for a level of .9999: beyond what the replicates tell, quantiles run on as Student's t."""
MOST_UNDEFINED = 0.05
"""Share of replicates without a value (a class that was not drawn) up to which the others speak for all."""
_MOST_LEFT_OUT = 200
"""Jackknife groups: of more clusters, random groups are left out; the acceleration does not depend on their size."""
_CELLS = 2_000_000
"""Weights held at once."""
_FAR = 9.0
"""A normal quantile that stands for infinity: Φ(9) is 1 to the last digit."""

WeighFactors = Callable[[Sequence[Floats]], Floats]
"""Weights of each factor's clusters, (b, G) each, to values, (b,)."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What is resampled."""

    weigh: WeighFactors
    counts: Sequence[int]
    """Clusters, a factor."""
    fewest: int
    """Clusters that the interval's width is corrected for."""
    rows: int


def plan_one(prepared: Prepared, design: Design) -> Plan:
    """One set of rows."""
    counts = [len(sizes) for sizes in design.sizes]
    return Plan(_over_factors(prepared, design.factors, counts), counts, design.count, design.n)


def plan_together(both: Sequence[Prepared], groups: Sequence[ScoreColumn], fewest: int) -> Plan:
    """Two groups that share clusters: a cluster is drawn for both, so that what it does to both cancels."""
    counts = [int(max(x.max(), y.max())) + 1 for x, y in zip(*(group.clusters for group in groups), strict=True)]
    first, second = (
        _over_factors(prepared, group.clusters, counts) for prepared, group in zip(both, groups, strict=True)
    )
    return Plan(lambda w: first(w) - second(w), counts, fewest, sum(group.n for group in groups))


def plan_apart(both: Sequence[Prepared], designs: Sequence[Design], fewest: int) -> Plan:
    """Two groups in different clusters: each is drawn for itself, the first group's factors standing first."""
    counts = [[len(sizes) for sizes in design.sizes] for design in designs]
    first, second = (
        _over_factors(prepared, design.factors, count)
        for prepared, design, count in zip(both, designs, counts, strict=True)
    )
    cut = len(counts[0])
    return Plan(
        lambda w: first(w[:cut]) - second(w[cut:]), [*counts[0], *counts[1]], fewest,
        sum(design.n for design in designs),
    )


def _over_factors(prepared: Prepared, factors: Sequence[Codes], counts: Sequence[int]) -> WeighFactors:
    if len(factors) == 1:
        weigh = prepared.over(factors[0], counts[0])
        return lambda weights: weigh(weights[0])
    # a row's weight is the product of its clusters' (Owen 2007): rows must be weighted one by one
    n = len(factors[0])
    rows = prepared.over(np.arange(n), n)
    return lambda weights: rows(weights[0][:, factors[0]] * weights[1][:, factors[1]])


def resampled(
    value: float, plan: Plan, range: Range, seed: int, *, draws: int = DRAWS, accelerated: bool = True, bias: float = 0
) -> Reading:
    """A reading with expanded BCa quantiles on `WIDE_GRID`.

    Args:
        value: the statistic of the rows as they are.
        plan: what is drawn.
        range: quantiles are clipped to it.
        seed: of the draws.
        draws: replicates.
        accelerated: whether the acceleration is estimated.
        bias: by how much the statistic errs upward; lower quantiles are lowered by it.

    Returns:
        Without a spread where more than `MOST_UNDEFINED` of the replicates have no value, or where all are equal.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = _replicates(plan, seed, draws)
        left_out = _left_out(plan, seed) if accelerated else np.zeros(1)
    undefined = float(np.isnan(replicates).mean())
    if undefined > MOST_UNDEFINED:
        return Reading(value, None, f"none (undefined in {undefined:.0%} of the resamples)")
    replicates, left_out = replicates[~np.isnan(replicates)], left_out[~np.isnan(left_out)]
    if np.ptp(replicates) <= 1e-12 * (range[1] - range[0]):
        return Reading(value, None, "none (all resamples equal)")
    quantiles, name = _quantiles(value, replicates, left_out, plan.fewest)
    quantiles = np.where(np.array(WIDE_GRID) < 0.5, quantiles - bias, quantiles)
    quantiles = np.maximum.accumulate(np.clip(quantiles, *range))
    lowered = f"; with nothing to find it would read {bias:.2g}, by which lower limits are lowered" if bias else ""
    method = f"{name} bootstrap over {plan.fewest} clusters ({draws} resamples{lowered})"
    return Reading(value, Bootstrap(levels=WIDE_GRID, quantiles=tuple(quantiles.tolist())), method)


def _replicates(plan: Plan, seed: int, draws: int) -> Floats:
    """The statistic of each draw, shape (draws,); in blocks, so that the weights fit into memory."""
    rng = np.random.default_rng(seed)
    block, values = max(1, _CELLS // max(*plan.counts, plan.rows)), []
    for start in range(0, draws, block):
        size = min(block, draws - start)
        values.append(plan.weigh([_drawn(rng, count, size) for count in plan.counts]))
    return np.concatenate(values)


def _drawn(rng: np.random.Generator, count: int, size: int) -> Floats:
    """How often each of `count` clusters is drawn, in `size` draws with replacement: shape (size, count)."""
    flat = rng.integers(count, size=(size, count)) + (np.arange(size) * count)[:, None]
    return np.bincount(flat.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)


def _left_out(plan: Plan, seed: int) -> Floats:
    """The statistic without each cluster (or group of clusters), of every factor in turn; shape (groups,)."""
    values, block = [], max(1, _CELLS // max(*plan.counts, plan.rows))
    for factor, count in enumerate(plan.counts):
        groups = np.arange(count)
        if count > _MOST_LEFT_OUT:
            groups = np.random.default_rng(seed).permutation(count) % _MOST_LEFT_OUT
        for start in range(0, int(groups.max()) + 1, block):
            absent = np.arange(start, min(start + block, int(groups.max()) + 1))
            # the other factors keep weight 1: an influence is of one factor's cluster at a time
            weights = [np.ones((len(absent), other)) for other in plan.counts]
            weights[factor] = (groups[None, :] != absent[:, None]).astype(np.float64)
            values.append(plan.weigh(weights))
    return np.concatenate(values)


def _quantiles(value: float, replicates: Floats, left_out: Floats, count: int) -> tuple[Floats, str]:
    """Quantiles on `WIDE_GRID`, shape (len(WIDE_GRID),), and the method's name."""
    grid = np.array(WIDE_GRID)
    # Hesterberg's expansion: where a normal quantile would stand, t of G−1 times √(G/(G−1))
    z = np.sqrt(count / (count - 1)) * special.stdtrit(count - 1, grid)
    z0, acceleration, name = _corrections(value, replicates, left_out)
    shifted = z0 + z
    # eq. 14.10: Φ(z₀ + (z₀+z)/(1 − a(z₀+z))); beyond the pole the level is 0 or 1
    damped = 1 - acceleration * shifted
    levels = special.ndtr(np.where(damped > 0, z0 + shifted / np.where(damped > 0, damped, 1), np.sign(shifted) * _FAR))
    levels = np.maximum.accumulate(levels)
    quantiles: Floats = np.quantile(replicates, levels)
    # B replicates resolve levels from 1/B to 1 − 1/B; further out the quantiles go on in steps of t times the error
    se, resolved = float(replicates.std(ddof=1)), (levels >= 1 / len(replicates)) & (levels <= 1 - 1 / len(replicates))
    middle = np.flatnonzero(resolved)
    if len(middle):
        first, last = middle[0], middle[-1]
        quantiles[:first] = quantiles[first] + se * (z[:first] - z[first])
        quantiles[last + 1 :] = quantiles[last] + se * (z[last + 1 :] - z[last])
    return quantiles, name


def _corrections(value: float, replicates: Floats, left_out: Floats) -> tuple[float, float, str]:
    """z₀, the acceleration, and the method's name; 0 for what the replicates do not tell.

    Eq. 14.14: z₀ = Φ⁻¹(share of replicates below the value), equal ones counting one half here. Eq. 14.15:
    a = Σd³ / (6·(Σd²)^{3/2}) with d the jackknife values' distances from their mean.
    """
    share = float((replicates < value).mean() + 0.5 * (replicates == value).mean())
    apart = left_out.mean() - left_out
    squares = float((apart**2).sum())
    if not 0 < share < 1:
        return 0.0, 0.0, "expanded bias-corrected"
    z0 = float(special.ndtri(share))
    if squares == 0:
        return z0, 0.0, "expanded bias-corrected"
    return z0, float((apart**3).sum()) / (6 * squares**1.5), "expanded BCa"
