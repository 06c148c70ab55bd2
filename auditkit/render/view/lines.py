"""Estimates as rows of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.draw.charts import Chart, ChartLine, Domain, chart
from auditkit.render.view.names import status_word
from auditkit.render.view.values import limit, scale_of, value_and_interval, widened
from auditkit.render.view.visible import clip, visible
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count
from auditkit.schema import Estimate, Finding

WIDTH = 30
"""Most characters of a row's label."""


@dataclass(frozen=True)
class Dot:
    """One estimate as a row of a chart."""

    label: str
    estimate: Estimate
    finding: Finding | None
    """The check that bounds it."""
    strong: bool = False
    """Whether it stands for all rows together."""


def estimates_chart(
    id_: str, heading: str, title: str, dots: Sequence[Dot], *, bare: bool = False, peers: Sequence[Dot] = ()
) -> Chart:
    """Draw estimates of one metric on a common axis.

    Args:
        id_: fragment id of the drawing.
        heading: what stands above it.
        title: what the drawing is called for those who do not see it.
        dots: at least one; all of one metric.
        bare: leave out the rows' texts, where the numbers stand beside the chart anyway.
        peers: rows of the drawings beside this one, so that all have the same axis.
    """
    lines, others = [_line(dot) for dot in dots], [_line(dot) for dot in peers]
    return chart(id_, heading, title, _domain(dots[0].estimate), lines, bare=bare, peers=others)


def _domain(estimate: Estimate) -> Domain:
    ideal = estimate.ideal if estimate.direction == "middle" else None
    return Domain(scale_of(estimate), estimate.range, ideal, from_zero=estimate.id.contrast == "gap")


def _line(dot: Dot) -> ChartLine:
    estimate, finding = dot.estimate, dot.finding
    return ChartLine(
        label=clip(visible(dot.label), WIDTH),
        numbers=_numbers(estimate),
        sentence=describe(dot),
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        worst=estimate.worst_case if widened(estimate) else None,
        shape="plain" if finding is None else finding.status,
        allowed=None if finding is None else finding.check.region(estimate).within(estimate.range),
        limit="" if finding is None else limit(finding.check, estimate),
        strong=dot.strong,
    )


def _numbers(estimate: Estimate) -> str:
    if estimate.value is None:
        return say("numbers.undefined")
    if estimate.low is None and estimate.high is None:
        return say("charts.no_interval", value=scale_of(estimate).full(estimate.value))
    return value_and_interval(estimate)


def describe(dot: Dot) -> str:
    """One row in a sentence, for readers who do not see the drawing."""
    estimate, scale = dot.estimate, scale_of(dot.estimate)
    parts = [say("charts.row", label=dot.label, value=scale.full(estimate.value))]
    if estimate.low is not None:
        parts.append(say("charts.row.interval", interval=scale.interval(estimate.low, estimate.high)))
    if widened(estimate):
        parts.append(say("charts.row.worst", worst=scale.interval(*estimate.worst_case)))
    parts.append(say("charts.row.n", n=count(estimate.n)))
    if dot.finding is not None:
        parts.append(say("charts.row.status", status=status_word(dot.finding)))
    return "".join(parts)
