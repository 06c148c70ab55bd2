"""What a check could come to, known before the model is asked: such a gate may decide nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.schema import Check, DeclaredMetric, DeclaredPart, Direction, Region
from auditkit.stats.columns import Floats
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading

MOST_CLUSTERS = 1 << 14
"""Beyond this number of clusters the search for a sufficient one ends."""
Sizes = tuple[tuple[int, int], ...]
"""Rows of a cluster, and how many clusters have so many."""


@dataclass(frozen=True)
class Design:
    """What a check is judged on."""

    sizes: Sizes
    range: tuple[float, float]
    """The metric's range."""
    direction: Direction
    ideal: float | None

    @classmethod
    def of(cls, metric: DeclaredMetric, part: DeclaredPart) -> Design:
        """The design of one part of a metric's rows."""
        return cls(part.cluster_sizes, metric.range, metric.direction, metric.ideal)

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(size * count for size, count in self.sizes)

    @property
    def clusters(self) -> int:
        """All clusters."""
        return sum(count for _, count in self.sizes)

    def grown(self, clusters: int) -> Design:
        """As many equal clusters of the mean size."""
        size = max(1, round(self.rows / max(1, self.clusters)))
        return Design(((size, clusters),), self.range, self.direction, self.ideal)


Test = Callable[[Check, Design], bool]


def can_fail(check: Check, design: Design, family: int = 1) -> bool:
    """Whether answers exist that make the check fail, corrected over a family (Holm's first step)."""
    level = 1 - (1 - check.level) / family
    region = Region.allowed(check.bound, design.direction, design.ideal)
    return _enough(check, design) and any(
        region.misses(*_interval(values, design, level)) for values in _extremes(design)
    )


def can_pass(check: Check, design: Design) -> bool:
    """Whether answers exist that make the check pass, at its own level."""
    region = Region.allowed(check.bound, design.direction, design.ideal)
    return _enough(check, design) and any(
        region.holds(*_interval(values, design, check.level)) for values in (*_extremes(design), *_balanced(design))
    )


def rows_needed(check: Check, design: Design, test: Test) -> int | None:
    """About how many rows, in clusters of the same mean size, the test needs; `None` where no number is enough."""
    clusters = max(2, design.clusters)
    while clusters <= MOST_CLUSTERS:
        if test(check, design.grown(clusters)):
            return design.grown(clusters).rows
        clusters += max(1, clusters // 20)
    return None


def _enough(check: Check, design: Design) -> bool:
    # effective clusters, as the check counts them: n²/Σ n_c²
    effective = design.rows**2 / sum(size * size * count for size, count in design.sizes) if design.rows else 0.0
    return design.rows >= check.min_samples and effective >= check.min_clusters - 1e-9


def _names(design: Design) -> list[str]:
    clusters = [size for size, count in design.sizes for _ in range(count)]
    return [str(number) for number, size in enumerate(clusters) for _ in range(size)]


def _extremes(design: Design) -> Sequence[Floats]:
    """Every row at one end of the range."""
    return [np.full(design.rows, end) for end in design.range]


def _balanced(design: Design) -> Sequence[Floats]:
    """Rows that read the ideal in the middle: at 0 where scores have signs, else half of them at each end."""
    if design.ideal is None:
        return []
    if design.range[0] < 0:
        return [np.full(design.rows, design.ideal)]
    return [np.resize(np.array(design.range), design.rows)]


def _interval(values: Floats, design: Design, level: float) -> tuple[float | None, float | None]:
    reading = mean_reading(values, (np.array(_names(design), dtype=np.str_),), design.range)
    return (None, None) if reading.spread is None else interval(reading.spread, level)
