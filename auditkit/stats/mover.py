"""Limits of differences, ratios and gaps from the limits of their parts (MOVER).

Sources: Zou and Donner 2008 (differences; with r = 0 on Wilson's limits it is Newcombe's method 10); Donner and Zou
2012 (ratios). r is the correlation of the two estimates; 0 where they rest on different clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Limits = tuple[float | None, float | None]


class Side(NamedTuple):
    """One side of a contrast."""

    value: float
    low: float
    high: float


def difference_limits(a: Side, b: Side, r: float = 0.0) -> tuple[float, float]:
    """Limits of A − B: the sides' distances to their limits add in squares, less what they have in common."""
    value = a.value - b.value
    return value - _joined(a.value - a.low, b.high - b.value, r), value + _joined(a.high - a.value, b.value - b.low, r)


def _joined(a: float, b: float, r: float) -> float:
    return math.sqrt(max(0.0, a * a + b * b - 2 * r * a * b))


def ratio_limits(a: Side, b: Side, r: float = 0.0) -> Limits:
    """Limits of A ÷ B, both at least 0: the ratios R at which the interval of A − R·B just touches 0, a quadratic in R.

    Returns:
        The upper limit is `None` where B could be 0: no ratio is too large.
    """
    # (B² − b²)·R² − 2·(A·B − r·a·b)·R + (A² − a²) = 0, with a and b the distances to the limits in question
    product = a.value * b.value - r * (a.value - a.low) * (b.high - b.value)
    below = a.low * (2 * a.value - a.low)
    root = math.sqrt(max(0.0, product * product - below * b.high * (2 * b.value - b.high)))
    low = 0.0
    if below > 0:
        # Written with the conjugate root, which has no 0/0 where B's upper limit is twice its value.
        low = below / (product + root) if product + root > 0 else math.inf
    product = a.value * b.value - r * (a.high - a.value) * (b.value - b.low)
    above, divisor = a.high * (2 * a.value - a.high), b.low * (2 * b.value - b.low)
    if divisor <= 0:
        return low, None
    return low, (product + math.sqrt(max(0.0, product * product - above * divisor))) / divisor


def gap_limits(corrected: Sequence[Limits], alone: Sequence[Limits]) -> Limits:
    """Limits of the largest |contrast|.

    Args:
        corrected: limits of each contrast at level 1 − alpha/contrasts, for the lower limit: any of them could be large
            by chance.
        alone: those at the level itself, for the upper limit. If that lies below the true gap, then so does the limit
            of the one pair that has the gap.
    """
    low = 0.0
    for part_low, part_high in corrected:
        if part_low is None or part_high is None:
            return None, None
        low = max(low, part_low, -part_high)
    high = 0.0
    for part_low, part_high in alone:
        if part_low is None or part_high is None:
            return None, None
        high = max(high, abs(part_low), abs(part_high))
    return low, max(low, high)


def smallest_ratio_limits(corrected: Sequence[Limits], alone: Sequence[Limits]) -> Limits:
    """As `gap_limits`, on logarithms: the lower limit is the far end; a ratio without a bound could be any."""
    if any(low is None for low, _ in (*corrected, *alone)):
        return None, None
    far = min(min(low or 0.0, _inverse(high)) for low, high in alone)
    near = min([1.0, *(_nearest_to_one(low or 0.0, high) for low, high in corrected)])
    return min(far, near), near


def _nearest_to_one(low: float, high: float | None) -> float:
    """The largest min(R, 1/R) of the ratios inside the limits."""
    return min(1.0, math.inf if high is None else high, 1 / low if low > 0 else math.inf)


def _inverse(high: float | None) -> float:
    """1 ÷ the upper limit; 0 where there is none."""
    return 0.0 if high is None else 1 / high if high > 0 else math.inf
