"""Cluster sums, the sandwich variance, effective clusters and correlations of cluster sums.

Sources: Korn and Graubard 1998; Kish 1965 (effective clusters); Cameron, Gelbach and Miller 2011 (two crossed factors).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.stats.columns import Codes, Floats


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
        return min((len(size) for size in self.sizes), default=0)

    @property
    def independent(self) -> bool:
        """Every sample is its own cluster."""
        return self.count == self.n

    @property
    def crossed(self) -> bool:
        """Two factors, both of which put samples together."""
        return sum(len(size) < self.n for size in self.sizes) > 1

    @property
    def effective(self) -> float:
        """G_K = n²/Σn_c²: the number of clusters, less for unequal sizes; of two factors the smaller. 0 without a
        sample."""
        if self.n == 0:
            return 0.0
        return min(self.n**2 / float((size.astype(float) ** 2).sum()) for size in self.sizes)

    @property
    def largest(self) -> int:
        """Samples in the largest cluster of any factor."""
        return max(int(size.max()) for size in self.sizes)

    def squares(self, residuals: Floats) -> float:
        """T of residuals (which sum to 0), shape (n,): G/(G−1)·Σ_c(Σ_{i∈c} e_i)².

        Of two factors: T₁ + T₂ − T₁₂, at least the larger of T₁ and T₂. The variance of a mean is T/n².
        """
        single = [_squares(codes, residuals) for codes in self.factors]
        if len(single) == 1:
            return single[0]
        # T₁ and T₂ both hold what the cells share, so that T₁₂ is taken away once (Cameron, Gelbach and Miller 2011,
        # §2.2); by chance the result can fall below either, even below 0
        first, second = self.factors
        cells = np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]
        return max(single[0] + single[1] - _squares(cells, residuals), *single)


def _squares(codes: Codes, residuals: Floats) -> float:
    # residuals are summed within a cluster before they are squared: this is where dependence widens an interval
    sums = np.bincount(codes, residuals)
    return float((sums**2).sum()) * len(sums) / (len(sums) - 1)


def correlation(first: Sequence[tuple[Codes, Floats]], second: Sequence[tuple[Codes, Floats]]) -> float:
    """Correlation of two columns' residual sums over clusters, -1 to 1; 0 where either never varies.

    Args:
        first: cluster numbers and residuals of the first column, a factor.
        second: those of the second, with the same number for the same cluster.

    Returns:
        Of two factors the smaller one, which makes the wider interval.
    """
    return min(_correlation(a, b) for a, b in zip(first, second, strict=True))


def _correlation(first: tuple[Codes, Floats], second: tuple[Codes, Floats]) -> float:
    count = max(int(codes.max()) for codes, _ in (first, second)) + 1
    x, z = (np.bincount(codes, residuals, minlength=count) for codes, residuals in (first, second))
    scale = math.sqrt(float((x**2).sum()) * float((z**2).sum()))
    return float((x * z).sum()) / scale if scale > 1e-24 else 0.0


def standard_error(values: Floats, design: Design) -> float:
    """The cluster-robust standard error of a mean, with the G/(G−1) correction; needs two clusters."""
    return math.sqrt(design.squares(values - values.mean())) / len(values)


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
