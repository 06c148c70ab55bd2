"""One metric on one arm: headline, charts, and the table of all its estimates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from auditkit.render.draw.charts import Chart
from auditkit.render.view.anchors import anchor, estimate_anchor
from auditkit.render.view.facts import Fact
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.lines import Dot, estimates_chart
from auditkit.render.view.names import (
    capital,
    check_word,
    contrast_name,
    joined,
    part_of,
    short_part,
    spaced,
    unscored_words,
    with_arm,
    with_groups,
)
from auditkit.render.view.values import clusters_of, limit, scale_of, scale_sentence, widened
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import count, level
from auditkit.schema import Estimate, EstimateId, Status

LONG = 12
"""Tables and group charts with more rows than this are folded."""


class Panel(NamedTuple):
    """Estimates that belong together, in the order of the page: one chart, one part of the table."""

    place: int
    """0 all rows, 1 slices, 2 groups, 3 contrasts."""
    key: str
    """Slice keys, axis, or contrast; empty for all rows."""


_ALL, _SLICES, _GROUPS, _CONTRASTS = range(4)


@dataclass(frozen=True)
class EstimateRow:
    """One estimate in a table."""

    anchor: str
    label: str
    value: str
    interval: str
    worst: str
    """The worst-case interval; `same` where it is the interval."""
    n: str
    clusters: str
    unscored: str
    method: str
    status: Status | None
    word: str
    limit: str
    strong: bool


@dataclass(frozen=True)
class TablePart:
    """Rows of a table that belong together, as in the charts."""

    heading: str
    """Empty for all rows together."""
    rows: tuple[EstimateRow, ...]


@dataclass(frozen=True)
class MetricView:
    """One metric on one arm: pooled, by slice and by group."""

    anchor: str
    title: str
    code: str
    """`metric@arm`, as in an estimate's id."""
    scale: str
    headline: tuple[Fact, ...]
    charts: tuple[Chart, ...]
    """All rows, slices and contrasts."""
    groups: tuple[Chart, ...]
    """A chart an axis."""
    groups_title: str
    """`44 groups of 8 axes, chart by axis`."""
    groups_folded: bool
    parts: tuple[TablePart, ...]
    size: str
    """How many estimates the table holds, in words."""
    folded: bool
    """Whether the table is long enough to be closed at first."""
    level: str


def metric_view(members: Iterable[Estimate], index: AuditIndex) -> MetricView:
    """Everything about the estimates of one metric on one arm of one benchmark."""
    estimates = sorted(members, key=lambda estimate: (_panel(estimate.id), str(estimate.id)))
    first, whole = estimates[0], estimates[0].id.over_all_rows
    title = with_arm(capital(spaced(whole.metric)), whole.arm)
    name = str(whole)
    panels: dict[Panel, list[Estimate]] = {}
    for estimate in estimates:
        panels.setdefault(_panel(estimate.id), []).append(estimate)
    sizes = [len(panels[panel]) for panel in panels if panel.place == _GROUPS]
    return MetricView(
        anchor=anchor("metric", name),
        title=title,
        code=whole.in_benchmark,
        scale=scale_sentence(first),
        headline=_headline(first, index) if first.id.pooled else (),
        charts=_charts(panels, index, name, title, (_ALL, _SLICES, _CONTRASTS)),
        groups=_charts(panels, index, name, title, (_GROUPS,)),
        groups_title=say(plural("metrics.groups", len(sizes)), groups=count(sum(sizes)), axes=count(len(sizes))),
        groups_folded=sum(sizes) > LONG,
        parts=tuple(
            TablePart("" if panel.place == _ALL else _heading(panel),
                      tuple(_row(estimate, index) for estimate in panels[panel]))
            for panel in sorted(panels)
        ),
        size=say("metrics.size", n=count(len(estimates))),
        folded=len(estimates) > LONG,
        level=level(first.level),
    )


def label(estimate: EstimateId) -> str:
    """The estimate's name beside others of its panel: the group, the contrast's axis, or the slice's value."""
    name = short_part(estimate)
    return capital(name) if name == part_of(estimate) else name


def _row(estimate: Estimate, index: AuditIndex) -> EstimateRow:
    scale = scale_of(estimate)
    finding = index.findings.get(estimate.id)
    return EstimateRow(
        anchor=estimate_anchor(estimate),
        label=with_groups(label(estimate.id), estimate),
        value=scale.full(estimate.value),
        interval=scale.interval(estimate.low, estimate.high),
        worst=scale.interval(*estimate.worst_case) if widened(estimate) else say("metrics.worst_same"),
        n=count(estimate.n),
        clusters=clusters_of(estimate),
        unscored=unscored_words(estimate.unscored),
        method=estimate.method,
        status=None if finding is None else finding.status,
        word=check_word(finding),
        limit="" if finding is None else limit(finding.check, estimate),
        strong=estimate.id.pooled,
    )


def _headline(estimate: Estimate, index: AuditIndex) -> tuple[Fact, ...]:
    row = _row(estimate, index)
    sure = not widened(estimate) and not estimate.unscored
    facts = [
        Fact(say("metrics.fact.value"), row.value),
        Fact(say("metrics.fact.interval", level=level(estimate.level)), row.interval),
        Fact(say("metrics.fact.worst"), say("metrics.all_scored") if sure else row.worst),
        Fact(say("metrics.fact.n"), say("metrics.n_in_clusters", n=row.n, clusters=row.clusters)),
    ]
    if row.limit:
        facts.append(Fact(say("metrics.fact.limit"), row.limit))
    return tuple(facts)


def _panel(estimate: EstimateId) -> Panel:
    """Which chart an estimate belongs to: pooled and slices by key, groups by axis, contrasts by kind."""
    if estimate.contrast is not None:
        return Panel(_CONTRASTS, estimate.contrast)
    if estimate.axis is not None:
        return Panel(_GROUPS, estimate.axis)
    return Panel(_ALL, "") if estimate.pooled else Panel(_SLICES, joined(sorted(estimate.slice)))


def _heading(panel: Panel) -> str:
    if panel.place == _CONTRASTS:
        return capital(contrast_name(panel.key))
    return say(f"metrics.panel.{('all', 'slices', 'groups')[panel.place]}", key=panel.key)


def _charts(
    panels: dict[Panel, list[Estimate]], index: AuditIndex, name: str, title: str, places: tuple[int, ...]
) -> tuple[Chart, ...]:
    """A chart a panel of these places; charts of one place have the same axis. Slices are drawn below all rows."""
    has_slices = any(panel.place == _SLICES for panel in panels)
    everything = panels.get(Panel(_ALL, ""), [])
    dots = {
        panel: [_dot(estimate, index) for estimate in [*(everything if panel.place == _SLICES else ()), *members]]
        for panel, members in panels.items()
        if panel.place in places and not (panel.place == _ALL and has_slices)
    }
    charts = []
    for panel in sorted(dots):
        peers = [dot for other in dots if _share_axis(other, panel) for dot in dots[other]]
        heading = _heading(panel)
        words = say("charts.panel_title", metric=title, panel=heading)
        charts.append(
            estimates_chart(anchor("chart", f"{name} {heading}"), heading, words, dots[panel], peers=peers)
        )
    return tuple(charts)


def _share_axis(panel: Panel, other: Panel) -> bool:
    """Whether two panels share an axis: those of one place do, differences and ratios do not."""
    return panel == other if _CONTRASTS in (panel.place, other.place) else panel.place == other.place


def _dot(estimate: Estimate, index: AuditIndex) -> Dot:
    return Dot(label(estimate.id), estimate, index.findings.get(estimate.id), estimate.id.pooled)
