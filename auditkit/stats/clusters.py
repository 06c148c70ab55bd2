"""Cluster sums, the sandwich variance and effective sample sizes.

Sources: Cameron, Gelbach and Miller 2011 (two crossed factors); Miller 2024 (the plain form, without G/(G-1)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.stats.columns import Codes, Floats, Mask

FULL_INFORMATION = 21
"""Clusters with a hit (and with a miss) from which on the estimated design effect is trusted alone."""


@dataclass(frozen=True, eq=False)
class Design:
    """Which samples belong together: one array of cluster numbers a factor."""

    factors: tuple[Codes, ...]
    n: int

    @staticmethod
    def of(clusters: Sequence[npt.NDArray[Any]], n: int) -> Design:
        """The design of n samples; without a factor every sample is its own cluster."""
        if not clusters:
            return Design((np.arange(n),), n)
        return Design(tuple(np.unique(factor, return_inverse=True)[1] for factor in clusters), n)

    @cached_property
    def sizes(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Cluster sizes, a factor."""
        return tuple(np.bincount(codes) for codes in self.factors)

    @property
    def count(self) -> int:
        """Clusters; of two factors the smaller count."""
        return min(len(size) for size in self.sizes)

    @property
    def independent(self) -> bool:
        """Every sample is its own cluster."""
        return self.count == self.n

    @property
    def kish(self) -> float:
        """G_K = n²/Σn_c²: the clusters' number, less for unequal sizes."""
        return min(self.n**2 / float((size.astype(float) ** 2).sum()) for size in self.sizes)

    def containing(self, rows: Mask) -> int:
        """Clusters that hold at least one of the rows."""
        return min(len(np.unique(codes[rows])) for codes in self.factors)

    def variance(self, influence: Floats) -> float:
        """The variance of an estimate from its per-sample influences (which sum to 0), shape (n,).

        G/(G−1)·Σ_c(Σ_{i∈c} e_i)²; two factors: V₁ + V₂ − V₁₂, at least the larger of V₁ and V₂.
        """
        single = [_variance(codes, influence) for codes in self.factors]
        if len(single) == 1:
            return single[0]
        # V₁ and V₂ both hold what the cells share, so that V₁₂ is taken away once (Cameron, Gelbach and Miller 2011,
        # §2.2); by chance the result can fall below either, even below 0
        first, second = self.factors
        cells = np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]
        return max(single[0] + single[1] - _variance(cells, influence), *single)


def _variance(codes: Codes, influence: Floats) -> float:
    # influences are summed within a cluster before they are squared: this is where dependence widens an interval
    sums = np.bincount(codes, influence)
    return float((sums**2).sum()) * len(sums) / (len(sums) - 1)


def standard_error(values: Floats, design: Design) -> float:
    """The cluster-robust standard error of a mean, with the G/(G−1) correction; needs two clusters."""
    return float(np.sqrt(design.variance((values - values.mean()) / len(values))))


def naive_error(values: Floats) -> float:
    """The standard error of a mean of independent values: sd/√n."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def design_effect(values: Floats, clusters: Sequence[npt.NDArray[Any]]) -> float | None:
    """(SE/naive SE)² of a mean; `None` without two clusters or without any variation.

    Args:
        values: scores, shape (n,), none missing. For pairs: the differences.
        clusters: one array of shape (n,) a factor.
    """
    design = Design.of(clusters, len(values))
    if design.count < 2 or np.ptp(values) == 0:
        return None
    return (standard_error(values, design) / naive_error(values)) ** 2


def trust(informative: int) -> float:
    """w: how far the estimated design effect is trusted, 0 at one informative cluster, 1 from 21 on."""
    return min(max((informative - 1) / (FULL_INFORMATION - 1), 0.0), 1.0)


def effective_size(estimated: float, kish: float, informative: int) -> float:
    """n_eff, between the estimate from the design effect and the number of clusters.

    Args:
        estimated: n̂, at most n.
        kish: G_K.
        informative: clusters with a hit, or with a miss, whichever are fewer.
    """
    # on the scale of variances (1/n): the two answers are averaged by how far the first is to be trusted
    w = trust(informative)
    return 1 / (w / estimated + (1 - w) / min(estimated, kish))
