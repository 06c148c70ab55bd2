"""A statistic over a corpus without each cluster in turn: what its interval is made of.

The variance of the values that are left goes into the rule for clustered shares (`shares`) in place of the variance of
a mean. On the scale of the statistic, with Student's t, high values of F1 erred to .42 on one side.

Sources: Tukey 1958 (the jackknife); Kott 2001, The Delete-a-Group Jackknife (random groups of many clusters).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.schema import Share
from auditkit.stats.clusters import Design, correlation
from auditkit.stats.columns import Codes, Floats, Range
from auditkit.stats.weighted import Prepared, Weigh

MOST_LEFT_OUT = 200
"""Of more clusters, as many random groups of them are left out in turn."""
_CELLS = 2_000_000
"""Weights held at once."""


@dataclass(frozen=True, eq=False)
class Jackknife:
    """A statistic of some rows, and how far leaving out a cluster moves it."""

    value: float
    factors: tuple[Floats, ...]
    """Value without a group of clusters less the value, shape (groups,), a factor; 0 where the group has no rows."""
    present: tuple[int, ...]
    """Groups that have rows, a factor."""

    @property
    def defined(self) -> bool:
        """There is a value, whichever group is left out."""
        return not any(np.isnan(moved).any() for moved in (np.array(self.value), *self.factors))

    @property
    def variance(self) -> float:
        """(g−1)/g·Σ(θ_(i) − θ)² over the g groups; of two factors the sum, which errs on the wide side."""
        return sum(
            (count - 1) / count * float((moved**2).sum())
            for count, moved in zip(self.present, self.factors, strict=True)
        )

    def spread(self, design: Design, range: Range, bias: float = 0.0) -> Share:
        """What the interval needs, as of a share with this variance.

        Args:
            design: the clusters of the rows.
            range: of the statistic.
            bias: by how much the value errs upward.
        """
        width = range[1] - range[0]
        return Share(
            share=min(max((self.value - range[0]) / width, 0.0), 1.0), n=design.n, largest=design.largest,
            squares=self.variance * (design.n / width) ** 2, effective_clusters=design.effective, capped=False,
            bias=bias, range=range,
        )

    def correlation(self, other: Jackknife) -> float:
        """Correlation with another statistic over the same clusters, -1 to 1."""
        mine, theirs = (
            [(np.arange(len(moved)), moved) for moved in jackknife.factors] for jackknife in (self, other)
        )
        return correlation(mine, theirs)


def jackknife(prepared: Prepared, factors: Sequence[Codes], counts: Sequence[int], seed: int) -> Jackknife:
    """Leave out the clusters of every factor in turn.

    Args:
        prepared: the statistic of n rows.
        factors: cluster numbers of the rows, shape (n,), a factor.
        counts: clusters that are numbered, a factor; some may have no row.
        seed: of the random groups of many clusters.
    """
    moved, present, value = [], [], float("nan")
    for codes, count in zip(factors, counts, strict=True):
        groups = np.arange(count)
        if count > MOST_LEFT_OUT:
            groups = np.random.default_rng(seed).permutation(count) % MOST_LEFT_OUT
        with np.errstate(invalid="ignore", divide="ignore"):
            weigh = prepared.over(codes, count)
            value = float(weigh(np.ones((1, count)))[0])
            moved.append(_without_each(weigh, groups, max(count, len(codes))) - value)
        present.append(len(np.unique(groups[codes])))
    return Jackknife(value, tuple(moved), tuple(present))


def _without_each(weigh: Weigh, groups: Codes, width: int) -> Floats:
    """The statistic without each group of clusters; in blocks, so that the weights fit into memory."""
    count, block = int(groups.max()) + 1, max(1, _CELLS // width)
    values = [
        weigh((groups[None, :] != np.arange(start, min(start + block, count))[:, None]).astype(np.float64))
        for start in range(0, count, block)
    ]
    return np.concatenate(values)
