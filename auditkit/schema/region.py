"""Where a value may lie: what a bound allows."""

from __future__ import annotations

from auditkit.schema.base import Record
from auditkit.schema.estimate import Direction


class Region(Record):
    """The values that a bound allows, without the bound itself. An open end is `None`."""

    low: float | None
    """Allowed values lie above it."""
    high: float | None
    """Allowed values lie below it."""

    @classmethod
    def allowed(cls, bound: float, direction: Direction, ideal: float | None) -> Region:
        """What a bound allows: one side of it, or where the ideal lies in the middle so much on both sides of that."""
        if direction == "lower":
            return cls(low=None, high=bound)
        if direction == "higher":
            return cls(low=bound, high=None)
        middle = 0.0 if ideal is None else ideal
        return cls(low=middle - bound, high=middle + bound)

    @property
    def limits(self) -> tuple[float, ...]:
        """The ends that are not open."""
        return tuple(end for end in (self.low, self.high) if end is not None)

    def holds(self, low: float | None, high: float | None) -> bool:
        """Whether an interval lies wholly inside; an unbounded end never does."""
        above = self.low is None or (low is not None and low > self.low)
        below = self.high is None or (high is not None and high < self.high)
        return above and below

    def misses(self, low: float | None, high: float | None) -> bool:
        """Whether an interval lies wholly outside."""
        too_high = self.high is not None and low is not None and low > self.high
        too_low = self.low is not None and high is not None and high < self.low
        return too_high or too_low

    def within(self, ends: tuple[float, float]) -> tuple[float, float]:
        """The allowed values inside a metric's range, as a closed interval."""
        low, high = ends
        return max(low, low if self.low is None else self.low), min(high, high if self.high is None else self.high)
