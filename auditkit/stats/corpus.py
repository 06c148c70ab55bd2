"""Statistics over a corpus that are not means of scores, with their intervals and fills.

The formulas are the metrics' own (`measure/metrics`): a function from parts to a value under any weights, decorated
with `@statistic`. Here they become readings: a value, a bootstrap over clusters, and what unscored samples could have
made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from auditkit.stats.clusters import Design
from auditkit.stats.columns import Mask, Range, ScoreColumn, encoded
from auditkit.stats.contrasts import share_clusters
from auditkit.stats.corpus_bootstrap import DRAWS, Plan, plan_apart, plan_one, plan_together, resampled
from auditkit.stats.means import NO_SCORES, TOO_FEW, Reading
from auditkit.stats.weighted import Fills, Parts, Prepared

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
    draws: int = DRAWS
    """Replicates."""
    accelerated: bool = True
    """Whether the acceleration is estimated, which costs one computation a cluster more, 200 at most."""

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
        plan = plan_one(self.prepare(column.parts), design)
        return replace(self._interval(value, plan, range, seed, null or 0.0), null=null)

    def fills(self, column: ScoreColumn, range: Range) -> tuple[ScoreColumn | None, ScoreColumn] | None:
        """See `Statistic`."""
        possible = column.possible
        extremes = None if self.fill is None else self.fill(possible.parts, possible.reasons != "")
        if extremes is None:
            return None
        low, high = extremes
        return None if low is None else possible.with_parts(low), possible.with_parts(high)

    def difference(self, a: ScoreColumn, b: ScoreColumn, range: Range, seed: int) -> Reading:
        """The statistic of A − that of B: what both groups share is drawn for both, else each for itself."""
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
        width = range[1] - range[0]
        both = [self.prepare(group.parts) for group in (a, b)]
        plan = plan_together(both, (a, b), fewest) if share_clusters(a, b) else plan_apart(both, designs, fewest)
        return self._interval(value, plan, (-width, width), seed)

    def _interval(self, value: float, plan: Plan, range: Range, seed: int, bias: float = 0.0) -> Reading:
        return resampled(value, plan, range, seed, draws=self.draws, accelerated=self.accelerated, bias=bias)

    def _unweighted(self, parts: Parts) -> float:
        """The statistic with each row a cluster of weight 1; NaN where it is undefined."""
        n = len(next(iter(parts.values())))
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(self.prepare(parts).over(np.arange(n), n)(np.ones((1, n)))[0])


def statistic(
    *,
    fill: Fill | None = None,
    undefined: str = "nothing to divide by",
    null: Null | None = None,
    draws: int = DRAWS,
    accelerated: bool = True,
) -> Callable[[Callable[[Parts], Prepared]], CorpusStatistic]:
    """Make a statistic of a function from the parts of scored rows to a value under any weights of them.

        @statistic(fill=all_right_or_all_wrong)
        def share_of_words(parts: Parts) -> Prepared:
            return Additive.of([parts["correct"], parts["total"]], lambda sums: sums[:, 0] / sums[:, 1])

    Args:
        fill: its extreme fills; without one an estimate with unscored samples has no worst-case bounds.
        undefined: why it may have no value, for people.
        null: what it reads on average where there is nothing to find, if that is not its ideal.
        draws: replicates; fewer only where one computation takes long.
        accelerated: whether the acceleration is estimated.
    """

    def make(function: Callable[[Parts], Prepared]) -> CorpusStatistic:
        """The statistic of this function, with its name and docstring."""
        named = CorpusStatistic(function.__name__, function, fill, undefined, null, draws, accelerated)
        object.__setattr__(named, "__doc__", function.__doc__)
        return named

    return make
