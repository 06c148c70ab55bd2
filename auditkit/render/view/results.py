"""What was measured, as tables that stay short: all rows beside their baseline, then parts of the rows, worst first.

They are made of the estimates alone, whatever metrics there are. Only benchmarks that no check judged, and tasks on the
user's own data, have them: of the others the findings say what counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.anchors import anchor, estimate_anchor
from auditkit.render.view.facts import Link
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import joined, short_part, spaced, with_arm
from auditkit.render.view.section import Section
from auditkit.render.view.values import scale_of
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import count, level
from auditkit.schema import PLAUSIBILITY, UNKNOWN, Audit, DeclaredMetric, Estimate, EstimateId, SelfTestReading
from auditkit.schema.starting_checks import CLASS_MARK, GUESSING, MAJORITY, policy_lines, starting_checks

MOST_METRICS = 12
"""Most metrics of all rows in a table."""
MOST_PANELS = 6
"""Most metrics by group, or by slice, that are listed."""
MOST_HEADLINE = 3
"""Most of these that are of the first metric, by each axis; they stand first."""
MOST_PARTS = 4
"""Most groups of one axis that are listed: beyond, the two at either end."""


@dataclass(frozen=True)
class ResultRow:
    """One estimate."""

    name: str
    value: str
    interval: str
    n: str
    baseline: str
    """What answerers reach that read no text; of a difference, the two groups; empty where there is neither."""
    link: Link
    """Its row on the page."""


@dataclass(frozen=True)
class PartRows:
    """One metric by group, or by slice."""

    title: str
    """`accuracy by gender`."""
    rows: tuple[ResultRow, ...]
    """The largest difference first, then the parts, worst first."""
    more: str
    """How many parts are not listed; empty where all are."""


@dataclass(frozen=True)
class BenchmarkResults:
    """One benchmark."""

    anchor: str
    title: str
    """Its name, rows and level, in words."""
    rows: tuple[ResultRow, ...]
    """Of all rows."""
    panels: tuple[PartRows, ...]
    more: tuple[str, ...]
    """What is counted and not listed, in words."""


@dataclass(frozen=True)
class Results:
    """The tables, and what would judge them."""

    benchmarks: tuple[BenchmarkResults, ...]
    policy: str
    """Policy lines (YAML) that would judge what nothing judged; empty where something did, or none was asked for."""


def results(index: AuditIndex) -> Results:
    """The tables of an audit; none where checks judged all of it."""
    listed = [name for name in index.audit.sampled if name in tabled(index.audit)]
    return Results(tuple(_benchmark(name, index) for name in listed), "\n".join(_policy(index.audit)))


def _view(index: AuditIndex) -> Results | None:
    """The section: on pages that judge something the findings and the areas say it."""
    return results(index) if index.audit.verdict.unjudged and tabled(index.audit) else None


section = Section("results", 50, _view, "results.html.j2")


def tabled(audit: Audit) -> frozenset[str]:
    """Benchmarks with a table: the user's own tasks, and what no check judged."""
    judged = {finding.check.benchmark for finding in audit.findings if finding.status != "not_run"}
    measured = {estimate.id.benchmark for estimate in audit.estimates}
    return frozenset(name for name in measured if name in _tasks(audit) or name not in judged)


def _tasks(audit: Audit) -> set[str]:
    return {task.name for task in audit.config.tasks}


def unchecked(index: AuditIndex) -> tuple[Estimate, ...]:
    """The estimates of tabled benchmarks that no check bounds."""
    names = tabled(index.audit)
    return tuple(
        estimate for estimate in index.audit.estimates
        if estimate.id.benchmark in names and estimate.id not in index.findings
    )


def _benchmark(name: str, index: AuditIndex) -> BenchmarkResults:
    estimates = [
        estimate for estimate in index.audit.estimates
        if estimate.id.benchmark == name and not estimate.id.variant and estimate.id.arm != PLAUSIBILITY
    ]
    pooled = [estimate for estimate in estimates if estimate.id.pooled and estimate.value is not None]
    pooled.sort(key=lambda estimate: CLASS_MARK in estimate.id.metric)  # rates of single classes last
    panels = _told_once(sorted(_panels(estimates), key=_rank))
    apart = [panel for panel in panels if panel.apart > 0]
    headline = [panel for panel in apart if pooled and panel.whole == pooled[0].id][:MOST_HEADLINE]
    apart = [*headline, *(panel for panel in apart if panel not in headline)]
    rows, total = index.audit.sampled[name]
    more = []
    if len(pooled) > MOST_METRICS:
        more.append(say("results.more_metrics", n=count(len(pooled) - MOST_METRICS)))
    if len(panels) > len(apart[:MOST_PANELS]):
        left = len(panels) - len(apart[:MOST_PANELS])
        more.append(say(plural("results.more_panels", left), n=count(left)))
    first = level(estimates[0].level)
    return BenchmarkResults(
        anchor=anchor("results", name),
        title=say("results.benchmark", name=name, n=count(rows), total=count(total), level=first),
        rows=tuple(_pooled_row(estimate, index.audit) for estimate in pooled[:MOST_METRICS]),
        panels=tuple(_part_rows(panel) for panel in apart[:MOST_PANELS]),
        more=tuple(more),
    )


@dataclass(frozen=True)
class _Panel:
    """One metric on one axis, or on the values of one metadata key."""

    whole: EstimateId
    """The metric over all rows."""
    title: str
    parts: tuple[Estimate, ...]
    """Those with a value, worst first."""
    gap: Estimate | None
    """The largest difference between the groups."""

    @property
    def apart(self) -> float:
        """Difference between the highest and the lowest part; of groups, of those that are compared."""
        values = [part.value for part in self.parts if part.value is not None]
        return (self.gap.value or 0.0) if self.gap is not None else max(values) - min(values)


def _told_once(panels: Sequence[_Panel]) -> list[_Panel]:
    """The panels, without those whose difference another one with groups tells already: of two classes one's false
    positives are the other's misses."""
    told: set[tuple[float, int]] = set()
    first = []
    for panel in panels:
        key = None if panel.gap is None else (round(panel.apart, 9), panel.gap.n)
        if key is None or key not in told:
            first.append(panel)
        if key is not None:
            told.add(key)
    return first


def _rank(panel: _Panel) -> tuple[float, float, bool, str]:
    """The difference that is surest first: by its lower limit, then by its size, as shares of the range; of equal ones
    that which also shows its groups."""
    low, high = panel.parts[0].range if panel.parts else (0.0, 1.0)
    width = high - low if 0 < high - low < math.inf else 1.0
    sure = panel.gap.low if panel.gap is not None and panel.gap.low is not None else 0.0
    return -sure / width, -panel.apart / width, not panel.parts, panel.title


def _panels(estimates: Sequence[Estimate]) -> list[_Panel]:
    members: dict[tuple[EstimateId, str], list[Estimate]] = {}
    for estimate in estimates:
        name = estimate.id
        if name.axis is None and not name.slice:
            continue
        crossed = dict(name.slice)
        by = joined([*sorted(crossed), *([name.axis] if name.axis is not None else [])])
        members.setdefault((name.over_all_rows, by), []).append(estimate)
    panels = []
    for (whole, by), group in members.items():
        parts = [part for part in group if part.id.contrast is None and part.value is not None]
        gap = next((part for part in group if part.id.contrast == "gap" and part.value is not None), None)
        if len(parts) > 1 or gap is not None:
            title = say("results.by", metric=_metric(whole), by=by)
            panels.append(_Panel(whole, title, tuple(sorted(parts, key=_badness)), gap))
    return panels


def _badness(part: Estimate) -> tuple[bool, float, str]:
    """Worst first; where the ideal lies in the middle, furthest from it. Rows that name no group come last."""
    value = part.value or 0.0
    if part.direction == "middle":
        value = -abs(value - (part.ideal or 0.0))
    elif part.direction == "lower":
        value = -value
    return _nameless(part), value, str(part.id)


def _nameless(part: Estimate) -> bool:
    """Whether its rows name no group."""
    return UNKNOWN in (part.id.group, *part.id.slice.values())


def _part_rows(panel: _Panel) -> PartRows:
    named = tuple(part for part in panel.parts if not _nameless(part))
    if len(named) > MOST_PARTS:
        ends = MOST_PARTS // 2
        named = (*named[:ends], *named[-ends:])
    parts = (*named, *(part for part in panel.parts if _nameless(part)))
    hidden = len(panel.parts) - len(parts)
    gap = [] if panel.gap is None else [_row(panel.gap, say("results.gap"), _between(panel.gap))]
    return PartRows(
        panel.title, (*gap, *(_row(part, _part_name(part.id), "") for part in parts)),
        say(plural("results.more_parts", hidden), n=count(hidden)) if hidden else "",
    )


def _between(gap: Estimate) -> str:
    """The two groups that the largest difference lies between."""
    if gap.between is None:
        return ""
    highest, lowest = gap.between
    return say("results.between", highest=highest, lowest=lowest)


def _part_name(estimate: EstimateId) -> str:
    """The group, or the values of the slice."""
    values = [value for _, value in sorted(estimate.slice.items())]
    return joined([*values, *([estimate.group] if estimate.group is not None else [])]) or short_part(estimate)


def _pooled_row(estimate: Estimate, audit: Audit) -> ResultRow:
    return _row(estimate, _metric(estimate.id), _baseline(estimate, audit.selftest))


def _metric(estimate: EstimateId) -> str:
    return with_arm(spaced(estimate.metric), estimate.arm)


def _row(estimate: Estimate, name: str, baseline: str) -> ResultRow:
    scale = scale_of(estimate)
    return ResultRow(
        name, scale.full(estimate.value), scale.interval(estimate.low, estimate.high), count(estimate.n), baseline,
        Link("#" + estimate_anchor(estimate), name),
    )


def _baseline(estimate: Estimate, readings: Sequence[SelfTestReading]) -> str:
    """`majority class 66.7 %, chance 50.0 %`, as the planted answerers read them on these rows.

    Of the answerer that guesses, what it must read is shown: what it did read is one draw.
    """
    of = {reading.planted: reading for reading in readings if reading.estimate == estimate.id}
    if estimate.direction != "higher":
        return ""  # such answerers read no error or calibration that anyone would want to beat
    majority, guess = of.get(MAJORITY), of.get(GUESSING)
    scale, parts = scale_of(estimate), []
    if majority is not None and majority.value is not None:
        parts.append(say("results.baseline.majority", value=scale.full(majority.value)))
    if guess is not None and guess.expect == "around":
        parts.append(say("results.baseline.chance", value=scale.full(guess.expected)))
    if majority is not None and parts and majority.n < estimate.total:
        parts.append(say("results.baseline.on", n=count(majority.n)))
    return ", ".join(parts)


def _policy(audit: Audit) -> list[str]:
    """The lines of a policy that would judge what no check is about; none where the user asked for no judgement."""
    if not audit.verdict.unjudged or not audit.policy.judges:
        return []
    checks = starting_checks(_declared(audit), {
        reading.estimate: reading.value
        for reading in audit.selftest if reading.planted == MAJORITY and reading.value is not None
    }, {estimate.id: estimate.n for estimate in audit.estimates if estimate.id.group is not None})
    return policy_lines(checks) if checks else []


def _declared(audit: Audit) -> list[DeclaredMetric]:
    """What the audit declares and measured: a metric whose answers have no such number cannot be judged by it."""
    measured = {estimate.id for estimate in audit.estimates if estimate.value is not None}
    return [
        metric for metric in audit.declared
        if metric.arm != PLAUSIBILITY and (not metric.parts or metric.id(metric.parts[0]) in measured)
    ]
