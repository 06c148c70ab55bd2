"""The section of findings, worst first: what blocks as cards, the others gathered by rule and outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.draw.charts import Chart
from auditkit.render.view.anchors import anchor, case_anchor, estimate_anchor, rule_anchor
from auditkit.render.view.facts import Fact, Link
from auditkit.render.view.index import AuditIndex, worst_first
from auditkit.render.view.lines import Dot, estimates_chart
from auditkit.render.view.names import (
    capital,
    measured,
    part_of,
    short_part,
    spaced,
    status_word,
    unscored_words,
    with_groups,
)
from auditkit.render.view.reasons import finding_reason
from auditkit.render.view.rules import finding_title, text_of
from auditkit.render.view.section import Section
from auditkit.render.view.values import clusters_of, finding_decimals, gated, limit, scale_of, value_and_interval
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import DASH, count, level, p_value
from auditkit.schema import Estimate, Finding, Status


@dataclass(frozen=True)
class SliceRow:
    """One slice of a check that is judged on each."""

    status: Status
    word: str
    part: str
    value: str
    worst: str
    """The interval that was gated."""
    href: str
    """Of its estimate; empty where there is none."""


@dataclass(frozen=True)
class FindingView:
    """One finding."""

    anchor: str
    id: str
    code: str
    """The rule's code."""
    benchmark: str
    status: Status
    word: str
    severity: str
    title: str
    what: str
    """What was measured, in words."""
    part: str
    """Which part of the rows, in words."""
    reason: str
    rule: Link
    facts: tuple[Fact, ...]
    """Value, interval, worst case, limit, n, clusters, unscored, p."""
    chart: Chart | None
    estimate: Link | None
    evidence: tuple[Link, ...]
    cited: str
    """How many samples are cited, in words."""
    decides: bool
    """Whether the verdict rests on it."""
    blocks: bool
    """Whether the check's severity is to block."""
    holds: bool
    """Whether it keeps the verdict from passing."""
    red: bool
    """Whether it is one of the reasons for an exit code that is not 0."""
    prominent: bool
    """Failures, errors and undecided findings have a card; the others a row."""
    limit: str
    value: str
    """Value and interval in short."""
    slices: tuple[SliceRow, ...]
    """Worst first, of a check that is judged on each."""
    slices_title: str


@dataclass(frozen=True)
class Group:
    """Findings of one rule with the same outcome and severity, such as those of single axes."""

    anchor: str
    status: Status
    word: str
    """The status in words, with a count where there are several."""
    title: str
    rule: Link
    severity: str
    members: tuple[FindingView, ...]
    parts: str
    """What the members are of, in short."""
    folded: bool
    """Several that neither fail nor decide the verdict: a count and a closed list."""


@dataclass(frozen=True)
class Findings:
    """The whole section."""

    cards: tuple[FindingView, ...]
    """Blocking findings that did not pass."""
    others: tuple[Group, ...]


def findings(index: AuditIndex) -> Findings:
    """The section's data."""
    views = finding_views(index)
    others = groups([finding for finding in views if not finding.prominent])
    return Findings(tuple(finding for finding in views if finding.prominent), others)


section = Section("findings", 100, findings, "findings.html.j2")


def finding_views(index: AuditIndex) -> tuple[FindingView, ...]:
    """All findings, worst first."""
    return tuple(_view(finding, index) for finding in worst_first(index.audit))


def _what(finding: Finding, estimate: Estimate | None) -> str:
    """What was measured, with the groups that a contrast lies between."""
    text = capital(measured(finding.check))
    return text if estimate is None else with_groups(text, estimate)


def _view(finding: Finding, index: AuditIndex) -> FindingView:
    check, audit = finding.check, index.audit
    estimate = index.estimates.get(finding.about)
    decimals, text = finding_decimals(finding, estimate), text_of(finding, audit)
    cited = [name for name in finding.evidence if name in audit.evidence]
    return FindingView(
        anchor=anchor("finding", finding.id),
        id=finding.id,
        code=finding.rule,
        benchmark=check.benchmark,
        status=finding.status,
        word=status_word(finding),
        severity=severity(check.severity),
        title=finding_title(finding, audit),
        what=_what(finding, estimate),
        part=short_part(finding.about),
        reason=finding_reason(finding, estimate, audit),
        rule=Link("#" + rule_anchor(finding.rule), f"{finding.rule} {text.name}"),
        facts=_facts(finding, estimate),
        chart=_chart(finding, index),
        estimate=None if estimate is None else Link("#" + estimate_anchor(estimate), str(estimate.id)),
        evidence=tuple(Link("#" + case_anchor(name), name) for name in cited),
        cited=say("findings.cited", n=count(len(cited))),
        decides=finding.id in audit.verdict.reasons,
        blocks=finding.blocks,
        holds=finding.holds_back,
        red=finding.holds_back and audit.verdict.exit_code != 0,
        prominent=finding.status in ("fail", "error", "inconclusive", "waived") and finding.blocks,
        limit=limit(check, estimate, decimals),
        value=_short(estimate, decimals),
        slices=tuple(_slice_row(single, index) for single in finding.singles) if finding.slices else (),
        slices_title=say("findings.slices", n=count(len(finding.slices))),
    )


def _slice_row(single: Finding, index: AuditIndex) -> SliceRow:
    estimate = index.estimates.get(single.check.estimate)
    decimals = finding_decimals(single, estimate)
    return SliceRow(
        status=single.status, word=status_word(single), part=part_of(single.check.estimate),
        value=DASH if estimate is None else scale_of(estimate).full(estimate.value, decimals),
        worst=DASH if estimate is None else scale_of(estimate).interval(*gated(single, estimate), decimals),
        href="" if estimate is None else "#" + estimate_anchor(estimate),
    )


def severity(name: str) -> str:
    """What a check's outcome does: `blocks the deployment`."""
    return say(f"terms.severity.{name}")


def _facts(finding: Finding, estimate: Estimate | None) -> tuple[Fact, ...]:
    decimals = finding_decimals(finding, estimate)
    facts = [Fact(say("findings.fact.limit"), limit(finding.check, estimate, decimals))]
    if estimate is not None:
        scale = scale_of(estimate)
        samples = say("findings.scored_of", n=count(estimate.n), total=count(estimate.total))
        facts = [
            Fact(say("findings.fact.estimate"), scale.full(estimate.value, decimals)),
            Fact(say("findings.fact.interval", level=level(estimate.level)),
                 scale.interval(estimate.low, estimate.high, decimals)),
            Fact(say("findings.fact.worst"), scale.interval(*gated(finding, estimate), decimals)),
            *facts,
            Fact(say("findings.fact.samples"), samples),
            Fact(say("findings.fact.clusters"), clusters_of(estimate)),
            Fact(say("findings.fact.unscored"), unscored_words(estimate.unscored)),
        ]
    if finding.p_value is not None:
        facts.append(Fact(say("findings.fact.p"), p_value(finding.p_value)))
    if finding.waived_by is not None:
        facts.append(Fact(say("findings.fact.waived_by"), finding.waived_by))
    return tuple(facts)


def _chart(finding: Finding, index: AuditIndex) -> Chart | None:
    """The estimate against its limit; of a check on each slice all of them, the worst above."""
    title = say("charts.against_limit", metric=capital(spaced(finding.check.metric)))
    dots = [
        Dot(part_of(single.check.estimate), index.estimates[single.check.estimate], single, strong=not finding.slices)
        for single in finding.singles if single.check.estimate in index.estimates
    ]
    if not dots:
        return None
    return estimates_chart(anchor("strip", finding.id), "", title, dots, bare=not finding.slices)


def _short(estimate: Estimate | None, decimals: int | None) -> str:
    if estimate is None:
        return DASH
    if estimate.low is None and estimate.high is None:
        return scale_of(estimate).full(estimate.value, decimals)
    return value_and_interval(estimate, decimals)


def groups(views: Sequence[FindingView]) -> tuple[Group, ...]:
    """Findings gathered by outcome, rule and severity, in the order of each group's worst one."""
    gathered: dict[tuple[str, str, str], list[FindingView]] = {}
    for finding in views:
        gathered.setdefault((finding.word, finding.code, finding.severity), []).append(finding)
    return tuple(_group(members) for members in gathered.values())


def _group(members: Sequence[FindingView]) -> Group:
    first = members[0]
    several = len(members) > 1
    return Group(
        anchor=anchor("group", f"{first.word} {first.code} {first.severity}"),
        status=first.status,
        word=say("findings.several", n=count(len(members)), status=first.word) if several else first.word,
        title=first.title,
        rule=first.rule,
        severity=first.severity,
        members=tuple(members),
        parts=", ".join(dict.fromkeys(member.part for member in members)),
        folded=several and first.status != "fail" and not any(member.decides for member in members),
    )

