"""A chart's horizontal axis: values to positions, in percent of the drawing's width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.words.numbers import Scale

LEFT, RIGHT = 2.0, 98.0
"""Where the axis begins and ends, in percent of the width."""
_LEAST = 0.1
"""Smallest share of the metric's range that an axis shows, so that nothing is blown up beyond it."""
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Tick:
    """A mark on the axis."""

    x: str
    label: str
    align: str
    """SVG text-anchor."""


class Axis:
    """Maps values to positions."""

    def __init__(self, values: Sequence[float], range_: tuple[float, float]) -> None:
        """Find round ends and a round step.

        Args:
            values: what must lie on the axis.
            range_: what the values can be; the axis never goes beyond it.
        """
        spread = values or range_
        self.low, self.high, self.step = _round_ends(min(spread), max(spread), range_)
        self.whole = (self.low, self.high) == range_

    def position(self, value: float) -> float:
        """Horizontal position of a value in percent of the width; outside values lie on the edge."""
        inside = min(max(value, self.low), self.high)
        return LEFT + (RIGHT - LEFT) * (inside - self.low) / (self.high - self.low)

    def x(self, value: float | None) -> str | None:
        """The position as text, e.g. `12.50%`; `None` for no value."""
        return None if value is None else f"{self.position(value):.2f}%"

    def tick(self, value: float, label: str) -> Tick:
        """A mark whose label stays inside the drawing."""
        position = self.position(value)
        align = "start" if position < 12 else "end" if position > 88 else "middle"
        return Tick(f"{position:.2f}%", label, align)

    def ticks(self, scale: Scale) -> tuple[Tick, ...]:
        """The marks on the axis, in the unit of the scale."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        # A long unit would run into its neighbour on a narrow screen; the limit and the rows name it.
        write = scale.bare if scale.unit == "points" else scale.full
        digits = max(0, -math.floor(math.log10(self.step * scale.factor) + 1e-9))
        digits += self.step == 0.25 and scale.factor == 1
        return tuple(
            self.tick(number * self.step, write(round(number * self.step, 10), digits))
            for number in range(first, last + 1)
        )


def _round_ends(low: float, high: float, ends: tuple[float, float]) -> tuple[float, float, float]:
    """An axis around [low, high] that stops at the range's ends: (start, stop, step)."""
    least = (ends[1] - ends[0]) * _LEAST
    pad = max((high - low) * 0.06, (least - (high - low)) / 2)
    low, high = max(ends[0], low - pad), min(ends[1], high + pad)
    # At most five steps; beyond the list a power of ten.
    step = next((step for step in _STEPS if (high - low) / step <= 5), 10 ** math.ceil(math.log10((high - low) / 5)))
    start, stop = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return max(ends[0], start), min(ends[1], stop), step
