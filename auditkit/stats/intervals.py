"""The limits of a spread at any level, and p-values as their inversion.

Everything is computed from the tail probability (half of one minus the level), so that a p-value of 1e-12 is not
lost in `1 - 2e-12`. Formulas: Clopper and Pearson 1934; Wilson 1927; Bonett and Price 2012; Newcombe 1998 (method
10); Donner and Zou 2012 (MOVER-R).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from scipy import special

from auditkit.schema import Bootstrap, Compound, Estimate, Exact, Pairs, Spread, StudentT, Wilson

Limits = tuple[float | None, float | None]
Side = Literal["below", "above"]

SMALLEST_TAIL = 1e-15
"""P-values found by search are not taken below this."""

_LARGEST_EXPONENT = 700.0
"""Beyond it a ratio is as good as unbounded, and does not fit a float."""


def interval(spread: Spread | None, level: float = 0.95) -> Limits:
    """The two-sided interval.

    Args:
        spread: what is known of the quantity; `None` has no interval.
        level: coverage, in (0, 1).

    Returns:
        Lower and upper limit. `None` is unbounded (a ratio over nothing) or unknown (outside a bootstrap's grid).

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
            return _exact(spread, tail)
        case Wilson():
            return _wilson(spread, tail)
        case Pairs():
            return _pairs(spread, tail)
        case StudentT():
            return _t(spread, tail)
        case Bootstrap():
            return _on_grid(spread, tail), _on_grid(spread, 1 - tail)
        case Compound():
            return _COMPOUND[spread.op](spread, tail)


def point(spread: Spread) -> float | None:
    """The point estimate in a spread; `None` for a ratio over nothing. A bootstrap gives its median."""
    match spread:
        case Exact():
            return _place(spread.hits / spread.n, spread.range)
        case Wilson():
            return _place(spread.share, spread.range)
        case Pairs():
            return _place_signed((spread.b - spread.c) / spread.n_eff, spread.range)
        case StudentT():
            return math.exp(spread.mean) if spread.log else spread.mean
        case Bootstrap():
            return _on_grid(spread, 0.5)
        case Compound():
            return _compound_point(spread)


def quantile(df: float | None, tail: float) -> float:
    """The upper quantile of Student's t, or of the normal where `df` is `None`."""
    return -float(special.ndtri(tail) if df is None else special.stdtrit(df, tail))


def upper_tail(df: float | None, q: float) -> float:
    """The probability above q; the inverse of `quantile`."""
    return float(special.ndtr(-q) if df is None else special.stdtr(df, -q))


def _place(share: float, range: tuple[float, float]) -> float:
    low, high = range
    return min(max(low + (high - low) * share, low), high)


def _place_signed(x: float, range: tuple[float, float]) -> float:
    return _place((x + 1) / 2, range)


def _exact(spread: Exact, tail: float) -> Limits:
    hits, n = spread.hits, spread.n
    # Clopper and Pearson 1934, as quantiles of beta distributions; without a hit, or without a miss, one-sided
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits == n else float(special.betainccinv(hits + 1, n - hits, tail))
    return _place(low, spread.range), _place(high, spread.range)


def _wilson(spread: Wilson, tail: float) -> Limits:
    q, n, share = quantile(spread.df, tail), spread.n_eff, spread.share
    # Wilson 1927: the shares p with |p̂ − p| = q·√(p(1−p)/n), a quadratic in p
    ratio = q * q / n
    centre = (share + ratio / 2) / (1 + ratio)
    half = q / (1 + ratio) * math.sqrt(share * (1 - share) / n + ratio / (4 * n))
    low = 0.0 if share == 0 else centre - half
    high = 1.0 if share == 1 else centre + half
    return _place(low, spread.range), _place(high, spread.range)


def _bonett_price(spread: Pairs) -> tuple[float, float]:
    """The shrunken difference and its standard error, in [-1, 1]."""
    # Bonett and Price 2012: one imagined pair is added to b and to c each, so that the error is never 0
    n = spread.n_eff + 2
    shift = (spread.b - spread.c) / n
    return shift, math.sqrt(max(0.0, (spread.b + 1) / n + (spread.c + 1) / n - shift * shift) / n)


def _pairs(spread: Pairs, tail: float) -> Limits:
    shift, se = _bonett_price(spread)
    half = quantile(spread.df, tail) * se
    return _place_signed(shift - half, spread.range), _place_signed(shift + half, spread.range)


def _t(spread: StudentT, tail: float) -> Limits:
    half = quantile(spread.df, tail) * spread.se
    # clipping to the range comes last, on the scale that is shown
    low, high = spread.mean - half, spread.mean + half
    if spread.log:
        if high > _LARGEST_EXPONENT:
            return math.exp(min(low, _LARGEST_EXPONENT)), None
        low, high = math.exp(low), math.exp(high)
    if spread.range is not None:
        low, high = (min(max(x, spread.range[0]), spread.range[1]) for x in (low, high))
    return low, high


def _on_grid(spread: Bootstrap, probability: float) -> float | None:
    """The quantile at a probability, linear on the normal scale; `None` outside the grid."""
    slack = 1e-12
    if not spread.levels[0] - slack <= probability <= spread.levels[-1] + slack:
        return None
    # on the normal scale, where the quantiles of a nearly normal statistic lie on a straight line
    z = float(special.ndtri(probability))
    points = list(zip((float(special.ndtri(p)) for p in spread.levels), spread.quantiles, strict=True))
    for (z0, q0), (z1, q1) in pairwise(points):
        if z <= z1:
            share = min(max((z - z0) / (z1 - z0), 0.0), 1.0)
            return q0 + (q1 - q0) * share
    return points[-1][1]


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


def _sides(spread: Compound, tail: float) -> tuple[float, float, float, float, float, float] | None:
    """Value, lower and upper limit of both parts of a difference or ratio."""
    a, b = spread.parts
    (low_a, high_a), (low_b, high_b) = limits(a, tail), limits(b, tail)
    value_a, value_b = point(a), point(b)
    if value_a is None or low_a is None or high_a is None or value_b is None or low_b is None or high_b is None:
        return None
    return value_a, low_a, high_a, value_b, low_b, high_b


def _difference(spread: Compound, tail: float) -> Limits:
    """Newcombe: the parts' distances to their limits add in squares."""
    sides = _sides(spread, tail)
    if sides is None:
        return None, None
    a, low_a, high_a, b, low_b, high_b = sides
    return a - b - math.hypot(a - low_a, high_b - b), a - b + math.hypot(high_a - a, b - low_b)


def _ratio(spread: Compound, tail: float) -> Limits:
    """MOVER-R. The lower limit is written with the conjugate root, which has no 0/0 where u_B = 2 p_B."""
    sides = _sides(spread, tail)
    if sides is None:
        return None, None
    a, low_a, high_a, b, low_b, high_b = sides
    # Donner and Zou 2012: the ratios R at which the interval of A − R·B just touches 0, a quadratic in R
    product = a * b
    below = low_a * (2 * a - low_a)
    root = math.sqrt(max(0.0, product * product - below * high_b * (2 * b - high_b)))
    low = 0.0
    if below > 0:
        # Only at level 0 can the divisor vanish: the estimate itself is something over nothing.
        low = below / (product + root) if product + root > 0 else math.inf
    # the interval of B reaches 0: no ratio is too large
    above, divisor = high_a * (2 * a - high_a), low_b * (2 * b - low_b)
    if divisor <= 0:
        return low, None
    return low, (product + math.sqrt(max(0.0, product * product - above * divisor))) / divisor


def _gap(spread: Compound, tail: float) -> Limits:
    """Largest lower and largest upper bound of |contrast|, each at level 1 - alpha / contrasts."""
    low, high = 0.0, 0.0
    for part in spread.parts:
        part_low, part_high = limits(part, tail / len(spread.parts))
        if part_low is None or part_high is None:
            return None, None
        low = max(low, part_low, -part_high)
        high = max(high, abs(part_low), abs(part_high))
    return low, high


def _smallest_ratio(spread: Compound, tail: float) -> Limits:
    """As `_gap`, on logarithms; a ratio without a bound could be any."""
    low, high = math.inf, math.inf
    for part in spread.parts:
        part_low, part_high = limits(part, tail / len(spread.parts))
        if part_low is None:
            return None, None
        if part_low <= 0:
            low = 0.0
        else:
            low, high = min(low, part_low), min(high, 1 / part_low)
        if part_high is None:
            low = 0.0
        else:
            low = min(low, 1 / part_high if part_high > 0 else 0.0)
            high = min(high, part_high)
    return min(low, 1.0), min(high, 1.0)


_COMPOUND: dict[str, Callable[[Compound, float], Limits]] = {
    "difference": _difference,
    "ratio": _ratio,
    "gap": _gap,
    "smallest_ratio": _smallest_ratio,
}


def p_value(spread: Spread | None, bound: float, side: Side) -> float:
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
        return _exact_p(spread, bound, side)
    if isinstance(spread, (Bootstrap, Compound)):
        return _search(spread, bound, side)
    # the others invert in closed form: how many standard errors the estimate lies beyond the bound
    above, se, df = _distance(spread, bound)
    if se == 0:
        return 0.0 if (above > 0 if side == "above" else above < 0) else 1.0
    return upper_tail(df, above / se if side == "above" else -above / se)


def _edges(spread: Spread) -> tuple[float, float] | None:
    """What the limits cannot leave."""
    if isinstance(spread, (Exact, Wilson, Pairs, StudentT)):
        return spread.range
    if isinstance(spread, Compound):
        return {"gap": (0.0, math.inf), "ratio": (0.0, math.inf), "smallest_ratio": (0.0, 1.0)}.get(spread.op)
    return None


def _exact_p(spread: Exact, bound: float, side: Side) -> float:
    share = (bound - spread.range[0]) / (spread.range[1] - spread.range[0])
    hits, n = spread.hits, spread.n
    if side == "above":
        return 1.0 if hits == 0 else float(special.betainc(hits, n - hits + 1, share))
    return 1.0 if hits == n else float(special.betaincc(hits + 1, n - hits, share))


def _distance(spread: Wilson | Pairs | StudentT, bound: float) -> tuple[float, float, float | None]:
    """How far the estimate lies above the bound, the error at the bound, and the degrees of freedom."""
    match spread:
        case Wilson():
            share = (bound - spread.range[0]) / (spread.range[1] - spread.range[0])
            return spread.share - share, math.sqrt(share * (1 - share) / spread.n_eff), spread.df
        case Pairs():
            shift, se = _bonett_price(spread)
            return shift - (2 * (bound - spread.range[0]) / (spread.range[1] - spread.range[0]) - 1), se, spread.df
        case StudentT():
            if spread.log and bound <= 0:
                return math.inf, 0.0, spread.df
            return spread.mean - (math.log(bound) if spread.log else bound), spread.se, spread.df


def _search(spread: Spread, bound: float, side: Side) -> float:
    p = _smallest_clearing(spread, bound, side)
    if p is not None:
        return p
    # The estimate lies on the other side: mirror, so that p runs on from 0.5 to 1.
    other = _smallest_clearing(spread, bound, "below" if side == "above" else "above")
    return 0.5 if other is None else 1 - other


def _smallest_clearing(spread: Spread, bound: float, side: Side) -> float | None:
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
