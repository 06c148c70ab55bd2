"""Dot-and-whisker charts as positions: the templates only draw.

Horizontal positions are percentages of the drawing's width, so that a chart fits any screen without scaling its text;
vertical ones are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.draw.axis import Axis, Tick
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import Scale

ROW = 46
"""Height of one row in pixels."""
_TOP, _BARE = 26, 30
_LABEL = 23
"""Width of a limit's label, in percent of a narrow drawing."""


@dataclass(frozen=True)
class Domain:
    """What the axis of a chart shows."""

    scale: Scale
    range: tuple[float, float]
    """What the values can be."""
    ideal: float | None
    """`None` where one end of the range is the best."""
    from_zero: bool
    """Whether the axis must show 0."""


@dataclass(frozen=True)
class ChartLine:
    """What one row of a chart shows."""

    label: str
    numbers: str
    """Value and interval, as printed at the right."""
    sentence: str
    """The row for readers who do not see the drawing."""
    value: float | None
    """`None` where it is undefined."""
    low: float | None
    high: float | None
    worst: tuple[float, float] | None
    """The worst-case interval; `None` where it adds nothing to the interval."""
    shape: str
    """The dot's shape: `plain` (no check), or the status of the check."""
    allowed: tuple[float, float] | None
    """The values that the check allows; `None` without a check."""
    limit: str
    """The same in words; empty without a check."""
    strong: bool
    """Whether the row stands for all rows together."""


@dataclass(frozen=True)
class Whisker:
    """One drawn row of a chart."""

    label: str
    numbers: str
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
    limits: tuple[str, ...]
    """Positions of the row's own limits, where they differ from the chart's."""
    strong: bool


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


def chart(
    id_: str, heading: str, title: str, domain: Domain, lines: Sequence[ChartLine], *, bare: bool = False,
    peers: Sequence[ChartLine] = (),
) -> Chart:
    """Place the rows of one chart on a common axis.

    Args:
        id_: fragment id of the drawing.
        heading: what stands above it.
        title: what the drawing is called for those who do not see it.
        domain: what the axis shows.
        lines: at least one row; all of one metric.
        bare: leave out the rows' texts, where the numbers stand beside the chart anyway.
        peers: rows of the drawings beside this one, so that all have the same axis.
    """
    shared = _shared_band(lines)
    axis = Axis(_values([*lines, *peers], shared, domain), domain.range)
    height = _BARE if bare else ROW
    axis_y = _TOP + height * len(lines)
    band: tuple[str, str] | None = None
    edges: tuple[Tick, ...] = ()
    if shared is not None:
        left, right = axis.position(shared[0]), axis.position(shared[1])
        band = (f"{left:.2f}%", f"{right - left:.2f}%")
        edges = _edges(axis, _inner(shared, domain), domain.scale)
    return Chart(
        id=id_,
        heading=heading,
        title=title,
        description=_description(lines),
        height=axis_y + 26,
        rows=tuple(
            _whisker(line, axis, domain, shared, _TOP + height * (number + 1) - 15, bare)
            for number, line in enumerate(lines)
        ),
        ticks=axis.ticks(domain.scale),
        axis_y=axis_y,
        band=band,
        edges=edges,
        ideal=None if domain.ideal is None else axis.tick(domain.ideal, say("charts.ideal")),
        note=_note(axis, domain),
    )


def _values(lines: Sequence[ChartLine], shared: tuple[float, float] | None, domain: Domain) -> list[float]:
    """Everything that must lie on the axis."""
    values = [
        value for line in lines for value in (line.value, line.low, line.high, *(line.worst or ())) if value is not None
    ]
    for band in (*(line.allowed for line in lines), shared):
        values.extend(() if band is None else _inner(band, domain))
    if domain.ideal is not None:
        values.append(domain.ideal)
    return [*values, 0.0] if domain.from_zero else values


def _inner(band: tuple[float, float], domain: Domain) -> list[float]:
    """The ends of an allowed range that are limits, not ends of what the values can be."""
    return [end for end in band if end not in domain.range]


def _shared_band(lines: Sequence[ChartLine]) -> tuple[float, float] | None:
    """The allowed range of the pooled row; else the one that all checked rows share."""
    bands = [(line.strong, line.allowed) for line in lines if line.allowed is not None]
    strong = [band for is_strong, band in bands if is_strong]
    if strong:
        return strong[0]
    return bands[0][1] if bands and len({band for _, band in bands}) == 1 else None


def _whisker(
    line: ChartLine, axis: Axis, domain: Domain, shared: tuple[float, float] | None, y: int, bare: bool
) -> Whisker:
    limits: tuple[str, ...] = ()
    if line.allowed is not None and line.allowed != shared:
        limits = tuple(f"{axis.position(end):.2f}%" for end in _inner(line.allowed, domain))
    worst_low, worst_high = line.worst if line.worst is not None else (None, None)
    return Whisker(
        label="" if bare else line.label,
        numbers="" if bare else line.numbers,
        y=y,
        dot=axis.x(line.value),
        low=axis.x(line.low),
        high=axis.x(line.high),
        worst_low=axis.x(worst_low),
        worst_high=axis.x(worst_high),
        shape=line.shape,
        limits=limits,
        strong=line.strong,
    )


def _description(lines: Sequence[ChartLine]) -> str:
    limits = [line.limit for line in lines if line.limit and line.strong]
    rows = "; ".join(line.sentence for line in lines)
    return say("charts.description.limited", limit=limits[0], rows=rows) if limits else say(
        "charts.description", rows=rows
    )


def _note(axis: Axis, domain: Domain) -> str:
    scale = domain.scale
    ends = {"low": scale.full(domain.range[0], 0), "high": scale.full(domain.range[1], 0)}
    return "" if axis.whole else say(
        "charts.part_of_range", start=scale.full(axis.low), stop=scale.full(axis.high), **ends
    )


def _edges(axis: Axis, ends: Sequence[float], scale: Scale) -> tuple[Tick, ...]:
    """Labels of the limits, outside of the allowed band where there is room; one for both where they would collide."""
    positions = [axis.position(end) for end in ends]
    texts = [say("charts.limit", limit=scale.full(end)) for end in ends]
    if len(ends) == 1:
        return (Tick(f"{positions[0]:.2f}%", texts[0], "end" if positions[0] > 70 else "start"),)
    outside = [positions[0] >= _LABEL, positions[1] <= 100 - _LABEL]
    aligns = ["end" if outside[0] else "start", "start" if outside[1] else "end"]
    room = positions[1] - positions[0] >= _LABEL * (2 - sum(outside))
    if not room:
        keep = 1 if outside[1] else 0
        texts[keep] = say("charts.limits", low=scale.bare(ends[0]), high=scale.full(ends[1]))
        texts[1 - keep] = ""
        aligns[keep] = "start" if keep else "end"
    return tuple(
        Tick(f"{position:.2f}%", text, align) for position, text, align in zip(positions, texts, aligns, strict=True)
    )
