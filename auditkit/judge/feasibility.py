"""Checks that could not fail even if every sample were a hit are refused: such a gate decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.errors import ConfigError
from auditkit.schema import Check, Direction, Region
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading

MOST_CLUSTERS = 1 << 14
"""Beyond this number of clusters the search for a sufficient one ends."""


@dataclass(frozen=True)
class Design:
    """What a check will be judged on, known before the model is asked."""

    clusters: Sequence[str]
    """Outermost cluster of each sample."""
    range: tuple[float, float]
    """The metric's range."""
    direction: Direction
    ideal: float | None


def refuse_if_it_cannot_fail(check: Check, design: Design, family: int) -> None:
    """Refuse a blocking check that no answers could make fail.

    Args:
        check: a check on a pooled or sliced estimate; contrasts are not judged here.
        design: its samples.
        family: blocking checks in the policy, over which failures are corrected (Holm).

    Raises:
        ConfigError: naming the check, and the number of clusters with which it could fail.
    """
    if _can_fail(check, design, design.clusters, family):
        return
    clusters = len(set(design.clusters))
    size = max(1, round(len(design.clusters) / max(1, clusters)))
    needed = max(2, clusters)
    while needed <= MOST_CLUSTERS and not _can_fail(check, design, _equal(needed, size), family):
        needed += max(1, needed // 20)
    what = f"could not fail even if all of its {len(design.clusters)} samples ({clusters} clusters) were hits"
    enough = needed <= MOST_CLUSTERS
    remedy = f"it needs about {needed} clusters: raise --limit" if enough else "no number of clusters helps"
    raise ConfigError(f"policy: {check.finding} {what}; {remedy}, move the bound, or let it only warn")


def _equal(clusters: int, size: int) -> list[str]:
    return [str(i) for i in range(clusters) for _ in range(size)]


def _can_fail(check: Check, design: Design, clusters: Sequence[str], family: int) -> bool:
    level = 1 - (1 - check.level) / family
    region = Region.allowed(check.bound, design.direction, design.ideal)
    names = np.array(clusters, dtype=np.str_)
    for end in design.range:
        reading = mean_reading(np.full(len(names), end), (names,), design.range)
        if reading.spread is not None and region.misses(*interval(reading.spread, level)):
            return True
    return False
