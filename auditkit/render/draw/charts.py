"""Dot-and-whisker charts as positions: the templates only draw.

Horizontal positions are percentages of the drawing's width, so that a chart fits any screen without scaling its text;
vertical ones are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.words.numbers import Scale, count, limit, scale_of, widened
from auditkit.render.words.safety import clip, visible
from auditkit.render.words.wording import status_word
from auditkit.schema import Estimate, Finding

ROW = 46
"""Height of one row in pixels."""
_TOP, _BARE = 26, 30
_LEFT, _RIGHT = 2.0, 98.0
_LEAST = 0.1
"""Smallest share of the metric's range that an axis shows, so that nothing is blown up beyond it."""
_LABEL = 23
"""Width of a limit's label, in percent of a narrow drawing."""
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Whisker:
    """One row of a chart."""

    label: str
    numbers: str
    """Value and interval, as printed at the right."""
    y: int
    """Vertical position of the whisker."""
    dot: str | None
    """Position of the value; `None` where it is undefined."""
    low: str | None
    high: str | None
    worst_low: str | None
    """`None` where the worst case adds nothing to the interval."""
    worst_high: str | None
    shape: str
    """Dot's shape: `plain` (no check), or the status of the check."""
    limits: tuple[str, ...]
    """Positions of the row's own limits, where they differ from the chart's."""
    strong: bool
    """Whether the row stands for all rows together."""


@dataclass(frozen=True)
class Tick:
    """A mark on the axis."""

    x: str
    label: str
    align: str
    """SVG text-anchor."""


@dataclass(frozen=True)
class Chart:
    """A drawing with the words that stand in for it."""

    id: str
    heading: str
    title: str
    description: str
    height: int
    rows: tuple[Whisker, ...]
    ticks: tuple[Tick, ...]
    axis_y: int
    band: tuple[str, str] | None
    """Left end and width of the allowed range."""
    edges: tuple[Tick, ...]
    """Limits of the allowed range, labelled."""
    ideal: Tick | None
    note: str
    """What of the metric's range the axis shows, where it is not all of it."""


@dataclass(frozen=True)
class Line:
    """What one row of a chart shows."""

    label: str
    estimate: Estimate
    finding: Finding | None
    strong: bool = False


def _nice(low: float, high: float, ends: tuple[float, float]) -> tuple[float, float, float]:
    """An axis around [low, high] that stops at the range's ends: (start, stop, step)."""
    least = (ends[1] - ends[0]) * _LEAST
    pad = max((high - low) * 0.06, (least - (high - low)) / 2)
    low, high = max(ends[0], low - pad), min(ends[1], high + pad)
    step = next((step for step in _STEPS if (high - low) / step <= 5), 10 ** math.ceil(math.log10((high - low) / 5)))
    start, stop = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return max(ends[0], start), min(ends[1], stop), step


class _Axis:
    """Maps values to positions."""

    def __init__(self, lines: Sequence[Line], band: tuple[float, float] | None) -> None:
        first = lines[0].estimate
        values = [end for line in lines for end in _ends(line.estimate)]
        for line in lines:
            if line.finding is not None:
                values.extend(_finite_bounds(line.finding, line.estimate))
        if band is not None:
            values.extend(end for end in band if end not in first.range)
        if first.ideal is not None and first.direction == "middle":
            values.append(first.ideal)
        if first.id.contrast == "gap":
            values.append(0.0)
        values = values or list(first.range)
        self.low, self.high, self.step = _nice(min(values), max(values), first.range)
        self.whole = (self.low, self.high) == first.range

    def at(self, value: float) -> float:
        """Horizontal position of a value in percent of the width; outside values lie on the edge."""
        inside = min(max(value, self.low), self.high)
        return _LEFT + (_RIGHT - _LEFT) * (inside - self.low) / (self.high - self.low)

    def x(self, value: float | None) -> str | None:
        """The position as text, e.g. `12.50%`; `None` for no value."""
        return None if value is None else f"{self.at(value):.2f}%"

    def ticks(self, scale: Scale) -> tuple[Tick, ...]:
        """The marks on the axis, in the unit of the scale."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        numbers = range(first, last + 1)
        # A long unit would run into its neighbour on a narrow screen; the limit and the rows name it.
        write = scale.full if len(scale.unit) < 3 else scale.bare
        digits = max(0, -math.floor(math.log10(self.step * scale.factor) + 1e-9))
        digits += self.step == 0.25 and scale.factor == 1
        return tuple(
            _tick(self, number * self.step, write(round(number * self.step, 10), digits))
            for number in numbers
        )


def _tick(axis: _Axis, value: float, label: str) -> Tick:
    place = axis.at(value)
    align = "start" if place < 12 else "end" if place > 88 else "middle"
    return Tick(f"{place:.2f}%", label, align)


def _ends(estimate: Estimate) -> list[float]:
    values = (estimate.value, estimate.low, estimate.high, *estimate.worst_case)
    return [value for value in values if value is not None]


def _allowed(finding: Finding, estimate: Estimate) -> tuple[float, float]:
    """The values that the finding's check allows, inside the metric's range."""
    return finding.check.region(estimate).within(estimate.range)


def _finite_bounds(finding: Finding, estimate: Estimate) -> list[float]:
    return [end for end in _allowed(finding, estimate) if end not in estimate.range]


def _shared_band(lines: Sequence[Line]) -> tuple[float, float] | None:
    """The allowed range of the pooled row; else the one that all checked rows share."""
    ranges = [(line.strong, _allowed(line.finding, line.estimate)) for line in lines if line.finding]
    strong = [band for is_strong, band in ranges if is_strong]
    if strong:
        return strong[0]
    return ranges[0][1] if ranges and len({band for _, band in ranges}) == 1 else None


def _whisker(line: Line, axis: _Axis, band: tuple[float, float] | None, y: int, bare: bool) -> Whisker:
    estimate, finding = line.estimate, line.finding
    scale = scale_of(estimate)
    worst_low, worst_high = estimate.worst_case
    wider = widened(estimate)
    own: tuple[str, ...] = ()
    if finding is not None and _allowed(finding, estimate) != band:
        own = tuple(f"{axis.at(end):.2f}%" for end in _finite_bounds(finding, estimate))
    numbers = f"{scale.full(estimate.value)} {scale.interval(estimate.low, estimate.high)}"
    if estimate.low is None and estimate.high is None:
        numbers = f"{scale.full(estimate.value)}, no interval"
    return Whisker(
        label="" if bare else clip(visible(line.label), 30),
        numbers="" if bare else "undefined" if estimate.value is None else numbers,
        y=y,
        dot=axis.x(estimate.value),
        low=axis.x(estimate.low),
        high=axis.x(estimate.high),
        worst_low=axis.x(worst_low) if wider else None,
        worst_high=axis.x(worst_high) if wider else None,
        shape="plain" if finding is None else finding.status,
        limits=own,
        strong=line.strong,
    )


def describe(line: Line) -> str:
    """One row in a sentence, for readers who do not see the drawing."""
    estimate = line.estimate
    scale = scale_of(estimate)
    text = f"{line.label}: {scale.full(estimate.value)}"
    if estimate.low is not None:
        text += f", interval {scale.interval(estimate.low, estimate.high)}"
    if widened(estimate):
        text += f", worst case {scale.interval(*estimate.worst_case)}"
    text += f", n {count(estimate.n)}"
    if line.finding is not None:
        text += f", {status_word(line.finding)}"
    return text


def chart(
    id_: str, heading: str, title: str, lines: Sequence[Line], bare: bool = False, peers: Sequence[Line] = ()
) -> Chart:
    """Place the rows of one chart on a common axis.

    Args:
        id_: fragment id of the drawing.
        heading: what stands above it.
        title: what the drawing is called for those who do not see it.
        lines: at least one row; all of one metric.
        bare: leave out the rows' texts, where the numbers stand beside the chart anyway.
        peers: rows of the drawings beside this one, so that all have the same axis.
    """
    band = _shared_band(lines)
    axis = _Axis([*lines, *peers], band)
    scale = scale_of(lines[0].estimate)
    height = _BARE if bare else ROW
    axis_y = _TOP + height * len(lines)
    edges: tuple[Tick, ...] = ()
    place = None
    if band is not None:
        left, right = axis.at(band[0]), axis.at(band[1])
        place = (f"{left:.2f}%", f"{right - left:.2f}%")
        edges = _edges(axis, [end for end in band if end not in lines[0].estimate.range], scale)
    first = lines[0].estimate
    ideal = first.ideal if first.direction == "middle" else None
    limits = [limit(line.finding.check, line.estimate) for line in lines if line.finding and line.strong]
    words = "; ".join(describe(line) for line in lines) + "."
    shown = f"The axis shows {scale.full(axis.low)} to {scale.full(axis.high)}"
    return Chart(
        id=id_,
        heading=heading,
        title=title,
        description=(f"Allowed: {limits[0]}. " if limits else "") + words,
        height=axis_y + 26,
        rows=tuple(
            _whisker(line, axis, band, _TOP + height * (number + 1) - 15, bare) for number, line in enumerate(lines)
        ),
        ticks=axis.ticks(scale),
        axis_y=axis_y,
        band=place,
        edges=edges,
        ideal=None if ideal is None else _tick(axis, ideal, "ideal"),
        note="" if axis.whole else f"{shown} of a range from {scale.full(first.range[0], 0)} to "
        f"{scale.full(first.range[1], 0)}.",
    )


def _edges(axis: _Axis, ends: Sequence[float], scale: Scale) -> tuple[Tick, ...]:
    """Labels of the limits, outside of the allowed band where there is room; one for both where they would collide."""
    places = [axis.at(end) for end in ends]
    texts = [f"limit {scale.full(end)}" for end in ends]
    if len(ends) == 1:
        return (Tick(f"{places[0]:.2f}%", texts[0], "end" if places[0] > 70 else "start"),)
    outside = [places[0] >= _LABEL, places[1] <= 100 - _LABEL]
    aligns = ["end" if outside[0] else "start", "start" if outside[1] else "end"]
    room = places[1] - places[0] >= _LABEL * (2 - sum(outside))
    if not room:
        keep = 1 if outside[1] else 0
        texts[keep] = f"limits {scale.bare(ends[0])} and {scale.full(ends[1])}"
        texts[1 - keep] = ""
        aligns[keep] = "start" if keep else "end"
    return tuple(Tick(f"{place:.2f}%", text, align) for place, text, align in zip(places, texts, aligns, strict=True))
