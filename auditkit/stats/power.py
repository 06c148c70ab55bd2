"""Before a run: how many samples. After it: how many would have decided (statistics §6 and §11).

Source of the variance split: Miller 2024, "Adding Error Bars to Evals".
"""

from __future__ import annotations

import math
from collections.abc import Callable

from auditkit.schema import Compound, Estimate, Exact, Fill, Share, Spread
from auditkit.stats.intervals import interval
from auditkit.stats.shares import quantile

LARGEST_FACTOR = 1e7
"""How much larger a run is considered."""


def sample_size(
    difference: float,
    variance: float,
    *,
    noise: float = 0.0,
    draws: int = 1,
    design_effect: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Samples needed to detect a paired difference: (z_{α/2}+z_β)²·(ω² + noise/K)/δ², times the design effect.

    Args:
        difference: δ, not 0.
        variance: ω², of the per-sample difference of conditional means; binary pairs: their discordance π.
        noise: σ_A² + σ_B², the within-sample variances of both sides.
        draws: K, draws a sample.
        design_effect: of the analysed quantity (of the difference, for pairs).
        alpha: two-sided error.
        power: wanted.
    """
    spread = (variance + noise / draws) * design_effect
    return math.ceil(_z(alpha, power) ** 2 * spread / difference**2 - 1e-9)


def detectable(
    n: int, variance: float, *, design_effect: float = 1.0, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest difference that n samples detect: (z_{α/2}+z_β)·√(variance·design effect/n).

    Args:
        n: samples, or pairs.
        variance: of the per-sample difference; binary pairs: their discordance π.
        design_effect: of the analysed quantity.
        alpha: two-sided error.
        power: wanted.
    """
    return _z(alpha, power) * math.sqrt(variance * design_effect / n)


def _z(alpha: float, power: float) -> float:
    return quantile(None, alpha / 2) + quantile(None, 1 - power)


def n_to_decide(
    estimate: Estimate, *, low: float | None = None, high: float | None = None, level: float | None = None
) -> int | None:
    """Samples, scored or not, with which a check would pass or fail, all else in proportion.

    Values, design effects and the share of unscored samples stay as they are; clusters grow in number, not in size.

    Args:
        estimate: with its fills.
        low: the allowed values lie above it (`None`: no limit).
        high: the allowed values lie below it (`None`: no limit).
        level: of the interval; that of the estimate if not given.

    Returns:
        The number; `None` where no number would do: the values at the fills lie on both sides of a limit or on one, or
        there is no interval to scale.
    """
    level = estimate.level if level is None else level
    lowest, highest = estimate.at_lowest_fill, estimate.at_highest_fill
    if lowest.value is None or highest.value is None or lowest.spread is None or highest.spread is None:
        return None
    inside = (low is None or lowest.value > low) and (high is None or highest.value < high)
    outside = (low is not None and highest.value < low) or (high is not None and lowest.value > high)
    if not (inside or outside):
        return None

    def decided(factor: float) -> bool:
        """Whether so many times as many samples would settle the bound, all else equal."""
        bottom, top = _limit(lowest, factor, level, 0), _limit(highest, factor, level, 1)
        if inside:
            return (low is None or (bottom is not None and bottom > low)) and (
                high is None or (top is not None and top < high)
            )
        return (low is not None and top is not None and top < low) or (
            high is not None and bottom is not None and bottom > high
        )

    factor = _smallest(decided)
    return None if factor is None else math.ceil(estimate.total * factor - 1e-6)


def _limit(fill: Fill, factor: float, level: float, end: int) -> float | None:
    return None if fill.spread is None else interval(scaled(fill.spread, factor), level)[end]


def _smallest(decided: Callable[[float], bool]) -> float | None:
    # doubled until it is decided, then halved: more samples never undo a decision
    below, above = 1.0, 1.0
    while not decided(above):
        below, above = above, above * 2
        if above > LARGEST_FACTOR:
            return None
    while above - below > 1e-4 * below:
        middle = (below + above) / 2
        below, above = (below, middle) if decided(middle) else (middle, above)
    return above


def scaled(spread: Spread, factor: float) -> Spread:
    """The spread of a run `factor` times as large, with the same values and design effect.

    Args:
        spread: of the run as it was.
        factor: at least 1.
    """
    match spread:
        case Exact():
            # Fractions of a hit (never stored): rounded ones would make the search jump.
            return spread.model_copy(update={"hits": spread.hits * factor, "n": spread.n * factor})
        case Share():
            update = {name: getattr(spread, name) * factor for name in ("n", "squares", "effective_clusters")}
            return spread.model_copy(update=update)
        case Compound():
            return spread.model_copy(update={"parts": tuple(scaled(part, factor) for part in spread.parts)})

