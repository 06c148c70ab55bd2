"""The limits of a spread at any level, and p-values as their inversion.

Formulas: `shares` (one quantity), `mover` (differences, ratios, gaps).
"""

from __future__ import annotations

import math
from typing import Literal

from auditkit.schema import Compound, Estimate, Exact, Share, Spread
from auditkit.stats.mover import Limits, Side, difference_limits, gap_limits, ratio_limits, smallest_ratio_limits
from auditkit.stats.shares import exact_limits, exact_p, place, share_limits

Beyond = Literal["below", "above"]

SMALLEST_TAIL = 1e-15
"""P-values found by search are not taken below this."""


def interval(spread: Spread | None, level: float = 0.95) -> Limits:
    """The two-sided interval.

    Args:
        spread: what is known of the quantity; `None` has no interval.
        level: coverage, in (0, 1).

    Returns:
        Lower and upper limit. `None` is unbounded (a ratio over nothing).

    Raises:
        ValueError: the level is not inside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return (None, None) if spread is None else limits(spread, (1 - level) / 2)


def worst_case(estimate: Estimate, level: float) -> Limits:
    """Lower limit at the lowest fill and upper limit at the highest fill; `None` is unbounded or undefined.

    Args:
        estimate: with its fills.
        level: coverage of the two-sided interval, in (0, 1); `Estimate.worst_case` gives it at the estimate's own.
    """
    return interval(estimate.at_lowest_fill.spread, level)[0], interval(estimate.at_highest_fill.spread, level)[1]


def limits(spread: Spread, tail: float) -> Limits:
    """The interval that leaves `tail` on either side, 0 < tail <= 0.5."""
    match spread:
        case Exact():
            return exact_limits(spread, tail)
        case Share():
            return share_limits(spread, tail)
        case Compound():
            return _compound_limits(spread, tail)


def point(spread: Spread) -> float | None:
    """The point estimate in a spread; `None` for a ratio over nothing."""
    match spread:
        case Exact():
            return place(spread.hits / spread.n, spread.range)
        case Share():
            return place(spread.share, spread.range)
        case Compound():
            return _compound_point(spread)


def _compound_point(spread: Compound) -> float | None:
    parts = [point(part) for part in spread.parts]
    values = [value for value in parts if value is not None]
    if len(values) < len(parts):
        return None
    match spread.op:
        case "difference":
            return values[0] - values[1]
        case "ratio":
            return values[0] / values[1] if values[1] else None
        case "gap":
            return max(abs(value) for value in values)
        case "smallest_ratio":
            return min(min(value, 1 / value) if value else 0.0 for value in values)


def _compound_limits(spread: Compound, tail: float) -> Limits:
    if spread.op in ("gap", "smallest_ratio"):
        corrected = [limits(part, tail / len(spread.parts)) for part in spread.parts]
        alone = [limits(part, tail) for part in spread.parts]
        return (gap_limits if spread.op == "gap" else smallest_ratio_limits)(corrected, alone)
    sides = [_side(part, tail) for part in spread.parts]
    a, b = sides
    if a is None or b is None:
        return None, None
    return (difference_limits if spread.op == "difference" else ratio_limits)(a, b, spread.r)


def _side(spread: Spread, tail: float) -> Side | None:
    value, (low, high) = point(spread), limits(spread, tail)
    return None if value is None or low is None or high is None else Side(value, low, high)


def p_value(spread: Spread | None, bound: float, side: Beyond) -> float:
    """The one-sided p-value of the claim that the quantity lies on `side` of the bound.

    It is the smallest tail probability at which the interval clears the bound, so that a gate on the interval and
    Holm on the p-value never disagree: p < (1 - level) / 2 exactly where the interval at that level lies beyond.

    Args:
        spread: what is known of the quantity; `None` gives 1.
        bound: the value under the null hypothesis.
        side: `above` tests 'at most the bound', `below` tests 'at least the bound'.

    Returns:
        A probability in [0, 1].
    """
    if spread is None:
        return 1.0
    # a bound outside what the quantity can be is decided without any data
    edge = _edges(spread)
    if edge is not None:
        low, high = edge
        if bound < low or (bound == low and side == "below"):
            return 0.0 if side == "above" else 1.0
        if bound > high or (bound == high and side == "above"):
            return 0.0 if side == "below" else 1.0
    if isinstance(spread, Exact):
        return exact_p(spread, bound, side == "above")
    return _search(spread, bound, side)


def _edges(spread: Spread) -> tuple[float, float] | None:
    """What the limits cannot leave."""
    if isinstance(spread, (Exact, Share)):
        return spread.range
    return {"gap": (0.0, math.inf), "ratio": (0.0, math.inf), "smallest_ratio": (0.0, 1.0)}.get(spread.op)


def _search(spread: Spread, bound: float, side: Beyond) -> float:
    p = _smallest_clearing(spread, bound, side)
    if p is not None:
        return p
    # The estimate lies on the other side: mirror, so that p runs on from 0.5 to 1.
    other = _smallest_clearing(spread, bound, "below" if side == "above" else "above")
    return 0.5 if other is None else 1 - other


def _smallest_clearing(spread: Spread, bound: float, side: Beyond) -> float | None:
    def clears(tail: float) -> bool:
        """Whether the interval with this tail lies beyond the bound."""
        low, high = limits(spread, tail)
        if side == "above":
            return low is not None and low > bound
        return high is not None and high < bound

    if not clears(0.5):
        return None
    if clears(SMALLEST_TAIL):
        return SMALLEST_TAIL
    # bisection on logarithms, so that p = 1e-12 has as many digits as p = .1
    below, above = math.log(SMALLEST_TAIL), math.log(0.5)
    while above - below > 1e-11:
        middle = (below + above) / 2
        below, above = (below, middle) if clears(math.exp(middle)) else (middle, above)
    return math.exp(above)
