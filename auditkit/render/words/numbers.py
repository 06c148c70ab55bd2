"""One way to write each number: percent for shares, a sign for scores around 0."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.schema import Check, Estimate

NBSP = "\u00a0"
MINUS = "\u2212"


@dataclass(frozen=True)
class Scale:
    """How the values of an estimate are written."""

    factor: float
    """What the value is multiplied by, 1 or 100."""
    unit: str
    """Behind the number: ` %`, ` points`, or nothing."""
    decimals: int
    signed: bool = False
    """Whether positive values carry a plus sign."""

    def bare(self, value: float | None, decimals: int | None = None) -> str:
        """The number without its unit; `undefined` for `None`."""
        if value is None:
            return "undefined"
        places = self.decimals if decimals is None else decimals
        text = f"{abs(value) * self.factor:.{places}f}"
        if not text.strip("0."):
            return text
        return (MINUS if value < 0 else "+" if self.signed else "") + text

    def full(self, value: float | None, decimals: int | None = None) -> str:
        """The number with its unit."""
        return "undefined" if value is None else self.bare(value, decimals) + self.unit

    def interval(self, low: float | None, high: float | None, decimals: int | None = None) -> str:
        """`[low, high]` in the value's unit, which is not repeated."""
        if low is None and high is None:
            return "none"
        return f"[{self.bare(low, decimals)},{NBSP}{self.bare(high, decimals)}]"


PERCENT = Scale(100, NBSP + "%", 1)
POINTS = Scale(100, NBSP + "points", 1)
CHANGE = Scale(100, NBSP + "points", 1, signed=True)
SIGNED = Scale(1, "", 3, signed=True)
RAW = Scale(1, "", 3)
NATS = Scale(1, "", 3, signed=True)


def scale_of(estimate: Estimate) -> Scale:
    """Percent for a range of (0, 1), percentage points for a gap of such, a sign where the range goes below 0."""
    if estimate.id.contrast == "smallest_ratio":
        return RAW
    if estimate.id.contrast == "difference" and estimate.range == (-1.0, 1.0):
        return CHANGE
    if estimate.range == (0.0, 1.0):
        return POINTS if estimate.id.contrast == "gap" else PERCENT
    return SIGNED if estimate.range[0] < 0 else RAW


def widened(estimate: Estimate) -> bool:
    """Whether the worst-case interval says more than the interval does."""
    return estimate.worst_case != (estimate.low, estimate.high)


def limit(check: Check, estimate: Estimate | None, decimals: int | None = None) -> str:
    """The bound in words: `at most 10.0 %`, `between 40.0 % and 60.0 %`."""
    if estimate is None:
        return f"bound {number(check.bound)}"
    scale = scale_of(estimate)
    low, high = check.region(estimate).within(estimate.range)
    if estimate.direction == "middle":
        return f"between {scale.full(low, decimals)} and {scale.full(high, decimals)}"
    return f"at most {scale.full(high, decimals)}" if estimate.direction == "lower" else (
        f"at least {scale.full(low, decimals)}"
    )


def places(scale: Scale, values: tuple[float | None, ...], bounds: tuple[float, ...]) -> int:
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


def number(value: float) -> str:
    """A plain number with up to 4 significant digits."""
    return f"{value:.4g}".replace("-", MINUS)


def count(value: int) -> str:
    """An integer with thousands separated."""
    return f"{value:,}"


def share(part: int, whole: int) -> str:
    """`part` of `whole` in percent; a dash where there is no whole."""
    return "–" if whole == 0 else PERCENT.full(part / whole)


def level(value: float) -> str:
    """A confidence level: `95 %`."""
    return f"{value * 100:.4g}{NBSP}%"
