"""Statistics over a corpus that are no means of scores: macro F1, AUROC, BLEU, calibration errors, correlations.

A statistic is a function of its parts (columns of counts, labels, probabilities) and of weights; whole clusters are
resampled by weighting them. Intervals are BCa (Efron 1987) expanded for few clusters (Hesterberg 2015, §5: Student's
t quantiles and √(G/(G−1)) in place of normal ones); two crossed factors are resampled apart and their weights
multiplied (the pigeonhole bootstrap, Owen 2007, which errs on the wide side).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.schema import Bootstrap
from auditkit.stats.clusters import Codes, Design
from auditkit.stats.columns import Floats, Range, ScoreColumn, encoded
from auditkit.stats.contrasts import share_clusters
from auditkit.stats.means import NO_SCORES, TOO_FEW, Reading
from auditkit.stats.resampling import GRID

Parts = Mapping[str, npt.NDArray[Any]]
"""Name to numbers or strings, shape (n,)."""
Weigh = Callable[[Floats], Floats]
"""Weights, shape (b, units), to the statistic under each, shape (b,); NaN where it is undefined."""
Fills = tuple[Parts | None, Parts] | None
"""Parts at the lowest and at the highest value; `None` for a lowest, or for both, that is not known."""

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


class Prepared(Protocol):
    """A statistic of given rows, waiting for weights."""

    def over(self, codes: Codes, count: int) -> Weigh:
        """The statistic as a function of the weights of `count` clusters; `codes` (n,) says whose the rows are."""
        ...


@dataclass(frozen=True, eq=False)
class Additive:
    """A function of sums over the rows."""

    sums: Callable[[Codes, int], Floats]
    """From the rows' cluster numbers, shape (n,), and the number of clusters G to sums, shape (G, k)."""
    combine: Weigh
    """From sums, shape (b, k), to values, shape (b,)."""

    @staticmethod
    def of(terms: Sequence[npt.NDArray[Any]], combine: Weigh) -> Additive:
        """Sums of k columns of shape (n,)."""
        return Additive(
            lambda codes, count: np.column_stack([np.bincount(codes, term, count) for term in terms]), combine
        )

    def over(self, codes: Codes, count: int) -> Weigh:
        """See `Prepared`."""
        sums = self.sums(codes, count)
        return lambda weights: self.combine(weights @ sums)


@dataclass(frozen=True, eq=False)
class Weighted:
    """A function of the rows' weights: ranks, bins of equal mass."""

    compute: Weigh
    """From weights, shape (b, n), to values, shape (b,)."""

    def over(self, codes: Codes, count: int) -> Weigh:
        """See `Prepared`."""
        return lambda weights: self.compute(weights[:, codes])


@dataclass(frozen=True)
class CorpusStatistic:
    """A named statistic on columns and cluster weights. Register it as `statistic.NAME`."""

    name: str
    prepare: Callable[[Parts], Prepared]
    """From the parts of scored rows."""
    fill: Callable[[Parts, npt.NDArray[np.bool_]], Fills] | None = None
    """From the parts of all rows that have, or could have had, a score, and which of them have none, to the parts at
    the lowest and at the highest value; `None`: no such fill is known, or no lowest."""
    undefined: str = "nothing to divide by"
    """Why it may have no value."""
    null: Callable[[Parts, int], float] | None = None
    """What it reads on average where there is nothing to find; from parts and seed. The statistic errs upward by at
    most that, so that lower limits are lowered by it."""
    draws: int = DRAWS
    """Replicates."""
    accelerated: bool = True
    """Whether the acceleration is estimated, which costs one computation a cluster more, 200 at most."""

    def value(self, parts: Parts) -> float | None:
        """The statistic of these rows, each once; `None` where it is undefined."""
        found = self._whole(parts)
        return None if np.isnan(found) else found

    def read(self, column: ScoreColumn, range: Range, seed: int) -> Reading:
        """See `Statistic`."""
        column = column.scored
        if column.n == 0:
            return Reading(None, None, NO_SCORES)
        value = self._whole(column.parts)
        if np.isnan(value):
            return Reading(None, None, f"none (undefined: {self.undefined})")
        null = None if self.null is None else self.null(column.parts, seed)
        design = Design.of(column.clusters, column.n)
        if design.count < 2:
            return Reading(value, None, TOO_FEW, null)
        factors = design.factors
        counts = [len(sizes) for sizes in design.sizes]
        plan = _Plan(_over_factors(self.prepare(column.parts), factors, counts), counts, design.count, column.n)
        return replace(_interval(value, plan, range, seed, self, null or 0.0), null=null)

    def fills(self, column: ScoreColumn, range: Range) -> tuple[ScoreColumn | None, ScoreColumn] | None:
        """See `Statistic`."""
        possible = column.possible
        found = None if self.fill is None else self.fill(possible.parts, possible.reasons != "")
        if found is None:
            return None
        low, high = found
        return None if low is None else possible.with_parts(low), possible.with_parts(high)

    def difference(self, a: ScoreColumn, b: ScoreColumn, range: Range, seed: int) -> Reading:
        """The statistic of A − that of B: what both groups share is drawn for both, else each for itself."""
        a, b = encoded([a.scored, b.scored])
        if a.n == 0 or b.n == 0:
            return Reading(None, None, NO_SCORES)
        value = self._whole(a.parts) - self._whole(b.parts)
        if np.isnan(value):
            return Reading(None, None, f"none (undefined: {self.undefined})")
        designs = [Design.of(group.clusters, group.n) for group in (a, b)]
        fewest = min(design.count for design in designs)
        if fewest < 2:
            return Reading(value, None, TOO_FEW)
        width = range[1] - range[0]
        both = [self.prepare(group.parts) for group in (a, b)]
        plan = _together(both, (a, b), fewest) if share_clusters(a, b) else _apart(both, designs, fewest)
        return _interval(value, plan, (-width, width), seed, self)

    def _whole(self, parts: Parts) -> float:
        n = len(next(iter(parts.values())))
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(self.prepare(parts).over(np.arange(n), n)(np.ones((1, n)))[0])


_Factors = Callable[[Sequence[Floats]], Floats]
"""Weights of each factor's clusters, (b, G) each, to values, (b,)."""


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is resampled."""

    weigh: _Factors
    counts: Sequence[int]
    """Clusters, a factor."""
    fewest: int
    """Clusters that the interval's width is corrected for."""
    rows: int


def _over_factors(prepared: Prepared, factors: Sequence[Codes], counts: Sequence[int]) -> _Factors:
    if len(factors) == 1:
        one = prepared.over(factors[0], counts[0])
        return lambda weights: one(weights[0])
    n = len(factors[0])
    rows = prepared.over(np.arange(n), n)
    return lambda weights: rows(weights[0][:, factors[0]] * weights[1][:, factors[1]])


def _together(both: Sequence[Prepared], groups: Sequence[ScoreColumn], fewest: int) -> _Plan:
    """Two groups that share clusters."""
    counts = [int(max(x.max(), y.max())) + 1 for x, y in zip(*(group.clusters for group in groups), strict=True)]
    first, second = (_over_factors(one, group.clusters, counts) for one, group in zip(both, groups, strict=True))
    return _Plan(lambda w: first(w) - second(w), counts, fewest, sum(group.n for group in groups))


def _apart(both: Sequence[Prepared], designs: Sequence[Design], fewest: int) -> _Plan:
    """Two groups in different clusters."""
    counts = [[len(sizes) for sizes in design.sizes] for design in designs]
    first, second = (
        _over_factors(one, design.factors, count) for one, design, count in zip(both, designs, counts, strict=True)
    )
    cut = len(counts[0])
    every = [*counts[0], *counts[1]]
    return _Plan(lambda w: first(w[:cut]) - second(w[cut:]), every, fewest, sum(design.n for design in designs))


def _interval(
    value: float, plan: _Plan, range: Range, seed: int, statistic: CorpusStatistic, bias: float = 0.0
) -> Reading:
    """A reading with expanded BCa quantiles on `WIDE_GRID`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = _replicates(plan, seed, statistic.draws)
        left_out = _left_out(plan, seed) if statistic.accelerated else np.zeros(1)
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
    method = f"{name} bootstrap over {plan.fewest} clusters ({statistic.draws} resamples{lowered})"
    return Reading(value, Bootstrap(levels=WIDE_GRID, quantiles=tuple(quantiles.tolist())), method)


def _replicates(plan: _Plan, seed: int, draws: int) -> Floats:
    rng = np.random.default_rng(seed)
    block, found = max(1, _CELLS // max(*plan.counts, plan.rows)), []
    for start in range(0, draws, block):
        size = min(block, draws - start)
        found.append(plan.weigh([_drawn(rng, count, size) for count in plan.counts]))
    return np.concatenate(found)


def _drawn(rng: np.random.Generator, count: int, size: int) -> Floats:
    """How often each of `count` clusters is drawn, in `size` draws with replacement: shape (size, count)."""
    flat = rng.integers(count, size=(size, count)) + (np.arange(size) * count)[:, None]
    return np.bincount(flat.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)


def _left_out(plan: _Plan, seed: int) -> Floats:
    """The statistic without each cluster (or group of clusters), of every factor in turn; shape (groups,)."""
    found, block = [], max(1, _CELLS // max(*plan.counts, plan.rows))
    for factor, count in enumerate(plan.counts):
        groups = np.arange(count)
        if count > _MOST_LEFT_OUT:
            groups = np.random.default_rng(seed).permutation(count) % _MOST_LEFT_OUT
        for start in range(0, int(groups.max()) + 1, block):
            some = np.arange(start, min(start + block, int(groups.max()) + 1))
            weights = [np.ones((len(some), other)) for other in plan.counts]
            weights[factor] = (groups[None, :] != some[:, None]).astype(np.float64)
            found.append(plan.weigh(weights))
    return np.concatenate(found)


def _quantiles(value: float, replicates: Floats, left_out: Floats, count: int) -> tuple[Floats, str]:
    grid = np.array(WIDE_GRID)
    z = np.sqrt(count / (count - 1)) * special.stdtrit(count - 1, grid)
    share = float((replicates < value).mean() + 0.5 * (replicates == value).mean())
    apart = left_out.mean() - left_out
    squares = float((apart**2).sum())
    z0 = float(special.ndtri(share)) if 0 < share < 1 else 0.0
    acceleration, name = 0.0, "expanded bias-corrected"
    if 0 < share < 1 and squares > 0:
        acceleration, name = float((apart**3).sum()) / (6 * squares**1.5), "expanded BCa"
    shifted = z0 + z
    damped = 1 - acceleration * shifted
    levels = special.ndtr(np.where(damped > 0, z0 + shifted / np.where(damped > 0, damped, 1), np.sign(shifted) * 9))
    levels = np.maximum.accumulate(levels)
    quantiles: Floats = np.quantile(replicates, levels)
    se, resolved = float(replicates.std(ddof=1)), (levels >= 1 / len(replicates)) & (levels <= 1 - 1 / len(replicates))
    middle = np.flatnonzero(resolved)
    if len(middle):
        first, last = middle[0], middle[-1]
        quantiles[:first] = quantiles[first] + se * (z[:first] - z[first])
        quantiles[last + 1 :] = quantiles[last] + se * (z[last + 1 :] - z[last])
    return quantiles, name
