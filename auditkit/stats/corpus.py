"""Statistics over a corpus that are not means of scores, with their intervals and fills.

The formulas are the metrics' own (`measure/metrics`): a function from parts to a value under any weights, decorated
with `@statistic`. Here they become readings: a value, a jackknife over clusters, and what unscored samples could have
made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auditkit.schema import Compound, ShownOnly
from auditkit.stats.clusters import Design
from auditkit.stats.columns import Mask, Range, ScoreColumn, encoded
from auditkit.stats.contrasts import share_clusters
from auditkit.stats.jackknife import Jackknife, jackknife
from auditkit.stats.means import NO_SCORES, TOO_FEW, Reading, shown_only
from auditkit.stats.weighted import Fills, Parts, Prepared

FEWEST_CLUSTERS = 20
"""Effective clusters from which on the interval was simulated; with fewer it is shown and decides nothing."""
ALL_EQUAL = "none (the same without any of the clusters)"
UNDEFINED_WITHOUT = "none (undefined without one of the clusters)"

Fill = Callable[[Parts, Mask], Fills]
"""From the parts of all rows that have, or could have had, a score, and which of them have none, to the parts at the
lowest and at the highest value; `None`: no such fill is known, or no lowest."""
Null = Callable[[Parts, int], float]
"""What a statistic reads on average where there is nothing to find, from parts and seed."""


@dataclass(frozen=True)
class CorpusStatistic:
    """A statistic on parts and cluster weights; made by `@statistic`."""

    name: str
    """For messages."""
    prepare: Callable[[Parts], Prepared]
    """From the parts of scored rows."""
    fill: Fill | None = None
    """Its extreme fills; `None`: none is known."""
    undefined: str = "nothing to divide by"
    """Why it may have no value."""
    null: Null | None = None
    """What it reads where there is nothing to find. It errs upward by at most that, so that lower limits are lowered by
    it."""
    holds: bool = False
    """Whether its interval was seen, in a simulation, to hold its error at the bound; else it decides nothing."""

    def value(self, parts: Parts) -> float | None:
        """The statistic of these rows, each once; `None` where it is undefined."""
        value = self._unweighted(parts)
        return None if np.isnan(value) else value

    def read(self, column: ScoreColumn, range: Range, seed: int) -> Reading:
        """See `Statistic`."""
        column = column.scored
        if column.n == 0:
            return Reading(None, None, NO_SCORES)
        value = self._unweighted(column.parts)
        if np.isnan(value):
            return Reading(None, None, f"none (undefined: {self.undefined})")
        null = None if self.null is None else self.null(column.parts, seed)
        design = Design.of(column.clusters, column.n)
        if design.count < 2:
            return Reading(value, None, TOO_FEW, null)
        counts = [len(sizes) for sizes in design.sizes]
        over = jackknife(self.prepare(column.parts), design.factors, counts, seed)
        if (fault := _fault(over, range)) is not None:
            return Reading(value, None, fault, null)
        spread = over.spread(design, range, bias=null or 0.0)
        lowered = f"; with nothing to find it would read {null:.2g}, by which lower limits are lowered" if null else ""
        method = f"jackknife over {design.count} clusters{lowered}"
        return Reading(value, spread, method, null, self._shown_only(design))

    def fills(self, column: ScoreColumn, range: Range) -> tuple[ScoreColumn | None, ScoreColumn] | None:
        """See `Statistic`."""
        possible = column.possible
        extremes = None if self.fill is None else self.fill(possible.parts, possible.reasons != "")
        if extremes is None:
            return None
        low, high = extremes
        return None if low is None else possible.with_parts(low), possible.with_parts(high)

    def difference(self, a: ScoreColumn, b: ScoreColumn, range: Range, seed: int) -> Reading:
        """The statistic of A − that of B."""
        a, b = encoded([a.scored, b.scored])
        if a.n == 0 or b.n == 0:
            return Reading(None, None, NO_SCORES)
        value = self._unweighted(a.parts) - self._unweighted(b.parts)
        if np.isnan(value):
            return Reading(None, None, f"none (undefined: {self.undefined})")
        designs = [Design.of(group.clusters, group.n) for group in (a, b)]
        fewest = min(design.count for design in designs)
        if fewest < 2:
            return Reading(value, None, TOO_FEW)
        factors = [group.clusters or (np.arange(group.n),) for group in (a, b)]
        counts = [int(max(x.max(), y.max())) + 1 for x, y in zip(*factors, strict=True)]
        sides = [
            jackknife(self.prepare(group.parts), codes, counts, seed)
            for group, codes in zip((a, b), factors, strict=True)
        ]
        faults = [fault for side in sides if (fault := _fault(side, range)) is not None]
        if faults:
            return Reading(value, None, faults[0])
        r = sides[0].correlation(sides[1]) if share_clusters(a, b) else 0.0
        parts = tuple(side.spread(design, range) for side, design in zip(sides, designs, strict=True))
        # what narrows the interval counts for half, as for groups' means
        spread = Compound(op="difference", parts=parts, r=min(r, r / 2))
        bars = [bar for bar in map(self._shown_only, designs) if bar is not None]
        return Reading(value, spread, f"MOVER on the jackknife over {fewest} clusters", None, bars[0] if bars else None)

    def _shown_only(self, design: Design) -> ShownOnly | None:
        if not self.holds:
            return "not_simulated"
        # unequal sizes can be a rounding error short of it
        return "few_effective_clusters" if design.effective < FEWEST_CLUSTERS - 1e-9 else shown_only(design)

    def _unweighted(self, parts: Parts) -> float:
        """The statistic with each row a cluster of weight 1; NaN where it is undefined."""
        n = len(next(iter(parts.values())))
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(self.prepare(parts).over(np.arange(n), n)(np.ones((1, n)))[0])


def _fault(over: Jackknife, range: Range) -> str | None:
    """Why there is no interval."""
    if not over.defined:
        return UNDEFINED_WITHOUT
    return ALL_EQUAL if over.variance <= (1e-12 * (range[1] - range[0])) ** 2 else None


def statistic(
    *,
    fill: Fill | None = None,
    undefined: str = "nothing to divide by",
    null: Null | None = None,
    holds: bool = False,
) -> Callable[[Callable[[Parts], Prepared]], CorpusStatistic]:
    """Make a statistic of a function from the parts of scored rows to a value under any weights of them.

        @statistic(fill=all_right_or_all_wrong)
        def share_of_words(parts: Parts) -> Prepared:
            return Additive.of([parts["correct"], parts["total"]], lambda sums: sums[:, 0] / sums[:, 1])

    Args:
        fill: its extreme fills; without one an estimate with unscored samples has no worst-case bounds.
        undefined: why it may have no value, for people.
        null: what it reads on average where there is nothing to find, if that is not its ideal.
        holds: whether a simulation has shown that its interval holds its error at the bound, so that it may decide.
    """

    def make(function: Callable[[Parts], Prepared]) -> CorpusStatistic:
        """The statistic of this function, with its name and docstring."""
        named = CorpusStatistic(function.__name__, function, fill, undefined, null, holds)
        object.__setattr__(named, "__doc__", function.__doc__)
        return named

    return make
