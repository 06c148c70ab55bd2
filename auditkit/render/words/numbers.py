"""One way to write each number: percent for shares, a sign for scores around 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auditkit.render.words.catalogue import say

DASH = "–"
"""Stands where there is nothing to show."""


@dataclass(frozen=True)
class Scale:
    """How the values of a quantity are written."""

    factor: float
    """What the value is multiplied by, 1 or 100."""
    unit: Literal["percent", "points", "none"]
    """What stands behind the number."""
    decimals: int
    signed: bool = False
    """Whether positive values carry a plus sign."""

    def bare(self, value: float | None, decimals: int | None = None) -> str:
        """The number without its unit; `undefined` for `None`."""
        if value is None:
            return say("numbers.undefined")
        text = f"{abs(value) * self.factor:.{self.decimals if decimals is None else decimals}f}"
        sign = "" if not text.strip("0.") else "minus" if value < 0 else "plus" if self.signed else ""
        return _signed(sign, text)

    def full(self, value: float | None, decimals: int | None = None) -> str:
        """The number with its unit."""
        bare = self.bare(value, decimals)
        return bare if value is None or self.unit == "none" else say(f"numbers.{self.unit}", number=bare)

    def interval(self, low: float | None, high: float | None, decimals: int | None = None) -> str:
        """`[low, high]` in the value's unit, which is not repeated."""
        if low is None and high is None:
            return say("numbers.no_interval")
        return say("numbers.interval", low=self.bare(low, decimals), high=self.bare(high, decimals))


PERCENT = Scale(100, "percent", 1)
POINTS = Scale(100, "points", 1)
CHANGE = Scale(100, "points", 1, signed=True)
SIGNED = Scale(1, "none", 3, signed=True)
RAW = Scale(1, "none", 3)
NATS = Scale(1, "none", 3, signed=True)


def _signed(sign: str, text: str) -> str:
    """The digits with a sign in front, and the language's decimal sign."""
    text = text.replace(".", say("numbers.decimal_sign"))
    return say(f"numbers.{sign}", number=text) if sign else text


def number(value: float) -> str:
    """A plain number with up to 4 significant digits."""
    return f"{value:.4g}".replace(".", say("numbers.decimal_sign")).replace("-", say("numbers.minus", number=""))


def count(value: int) -> str:
    """An integer with thousands separated."""
    return f"{value:,}".replace(",", say("numbers.thousands_sign"))


def share(part: int, total: int) -> str:
    """`part` of `total` in percent; a dash where the total is 0."""
    return DASH if total == 0 else PERCENT.full(part / total)


def level(value: float) -> str:
    """A confidence level: `95 %`."""
    return say("numbers.percent", number=number(value * 100))


def p_value(value: float) -> str:
    """A p-value to four decimals, never as 0."""
    return say("numbers.below", number=number(1e-4)) if value < 1e-4 else number(round(value, 4))


def seconds(value: float) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if value < 60:
        return say("numbers.seconds", seconds=_signed("", f"{value:.1f}"))
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return say("numbers.hours", hours=str(hours), minutes=str(minutes))
    return say("numbers.minutes", minutes=str(minutes), seconds=str(rest))


def duration(value: float | None) -> str:
    """Milliseconds below a second, else seconds; `not measured` for `None`."""
    if value is None:
        return say("numbers.not_measured")
    return say("numbers.milliseconds", number=number(value * 1000)) if value < 1 else seconds(value)


def size(value: int) -> str:
    """Bytes as MiB or GiB."""
    if value >= 2**30:
        return say("numbers.gibibytes", number=_signed("", f"{value / 2**30:.2f}"))
    return say("numbers.mebibytes", number=f"{value / 2**20:.0f}")
