"""How an estimate's numbers are written: its scale, and the limit of its check."""

from __future__ import annotations

from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import CHANGE, PERCENT, POINTS, RAW, SIGNED, Scale, count, number
from auditkit.schema import Check, Estimate, Finding


def scale_of(estimate: Estimate) -> Scale:
    """Percent for a range of (0, 1), percentage points for a gap of such, a sign where the range goes below 0."""
    if estimate.id.contrast == "smallest_ratio":
        return RAW
    if estimate.id.contrast == "difference" and estimate.range == (-1.0, 1.0):
        return CHANGE
    if estimate.range == (0.0, 1.0):
        return POINTS if estimate.id.contrast == "gap" else PERCENT
    return SIGNED if estimate.range[0] < 0 else RAW


def clusters_of(estimate: Estimate) -> str:
    """The number of clusters, and where their sizes are very unequal, how many of equal size would tell as much."""
    if estimate.effective_clusters >= 0.6 * estimate.clusters:
        return count(estimate.clusters)
    return say(
        "terms.clusters", clusters=count(estimate.clusters), effective=effective(estimate.effective_clusters)
    )


def effective(clusters: float) -> str:
    """Effective clusters, to one decimal."""
    return number(round(clusters, 1))


def widened(estimate: Estimate) -> bool:
    """Whether the worst-case interval says more than the interval does."""
    return estimate.worst_case != (estimate.low, estimate.high)


def value_and_interval(estimate: Estimate, decimals: int | None = None) -> str:
    """`61.1 % [53.2, 68.4]`."""
    scale = scale_of(estimate)
    return f"{scale.full(estimate.value, decimals)} {scale.interval(estimate.low, estimate.high, decimals)}"


def limit(check: Check, estimate: Estimate | None, decimals: int | None = None) -> str:
    """The bound in words: `at most 10.0 %`, `between 40.0 % and 60.0 %`."""
    if estimate is None:
        return say("terms.limit.bound", bound=number(check.bound))
    scale = scale_of(estimate)
    low, high = (scale.full(end, decimals) for end in check.region(estimate).within(estimate.range))
    kind = {"middle": "between", "lower": "at_most", "higher": "at_least"}[estimate.direction]
    return say(f"terms.limit.{kind}", low=low, high=high)


def scale_sentence(estimate: Estimate) -> str:
    """The range and which way is better: `from 0 % to 100 %; lower is better`."""
    scale = scale_of(estimate)
    low, high = (scale.full(end, 0) for end in estimate.range)
    kind = "ideal" if estimate.direction == "middle" else estimate.direction
    return say(f"terms.scale.{kind}", low=low, high=high, ideal=scale.full(estimate.ideal or 0.0, 0))


def gated(finding: Finding, estimate: Estimate) -> tuple[float | None, float | None]:
    """The interval that decided: worst case, at the check's own level; the estimate's where the finding has none."""
    ends = (finding.parameters.get("worst_low"), finding.parameters.get("worst_high"))
    low, high = (float(end) if isinstance(end, (int, float)) else None for end in ends)
    worst = estimate.worst_case
    return worst[0] if low is None else low, worst[1] if high is None else high


def decimals_apart(scale: Scale, values: tuple[float | None, ...], bounds: tuple[float, ...]) -> int:
    """Decimals at which no value is printed equal to a bound that it differs from; at most 4 more than usual."""
    for decimals in range(scale.decimals, scale.decimals + 5):
        apart = all(
            value is None or value == bound or scale.bare(value, decimals) != scale.bare(bound, decimals)
            for value in values
            for bound in bounds
        )
        if apart:
            return decimals
    return scale.decimals + 4


def finding_decimals(finding: Finding, estimate: Estimate | None) -> int | None:
    """Decimals that keep the numbers of a finding apart from its bound."""
    if estimate is None:
        return None
    values = (estimate.value, estimate.low, estimate.high, *estimate.worst_case)
    return decimals_apart(scale_of(estimate), values, finding.check.region(estimate).limits)
