"""Findings as the page shows them, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.draw.charts import Chart, Line, chart
from auditkit.render.view.index import Index, worst_first
from auditkit.render.words.numbers import count, level, limit, scale_of
from auditkit.render.words.safety import anchor
from auditkit.render.words.wording import (
    SEVERITY,
    capital,
    finding_places,
    finding_reason,
    finding_title,
    humane,
    measured,
    p_words,
    part,
    rule_text,
    status_word,
    unscored_words,
)
from auditkit.schema import Estimate, Finding, Status
from auditkit.schema.rules import RuleText


@dataclass(frozen=True)
class Link:
    """A link inside the page."""

    href: str
    text: str


@dataclass(frozen=True)
class Fact:
    """A name and what it is."""

    name: str
    text: str


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
    decides: bool
    """Whether the verdict rests on it."""
    blocks: bool
    """Whether the check's severity is to block."""
    holds: bool
    """Whether it keeps the verdict from passing."""
    prominent: bool
    """Failures, errors and undecided findings have a card; the others a row."""
    limit: str
    value: str
    """Value and interval in short."""


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
class RuleView:
    """A rule's documentation."""

    anchor: str
    text: RuleText


def rule_anchor(code: str) -> str:
    """Where the rule's documentation stands on the page."""
    return anchor("rule", code)


def estimate_anchor(estimate: Estimate) -> str:
    """Where the estimate's row stands on the page."""
    return anchor("estimate", str(estimate.id))


def case_anchor(sample_id: str) -> str:
    """Where the cited sample stands on the page."""
    return anchor("sample", sample_id)


def _facts(finding: Finding, estimate: Estimate | None) -> tuple[Fact, ...]:
    facts = []
    decimals = finding_places(finding, estimate)
    if estimate is not None:
        scale = scale_of(estimate)
        facts = [
            Fact("Estimate", scale.full(estimate.value, decimals)),
            Fact(f"{level(estimate.level)} interval", scale.interval(estimate.low, estimate.high, decimals)),
            Fact("Worst-case interval", scale.interval(*estimate.worst_case, decimals)),
            Fact("Limit", limit(finding.check, estimate, decimals)),
            Fact("Samples", f"{count(estimate.n)} scored of {count(estimate.total)}"),
            Fact("Clusters", count(estimate.clusters)),
            Fact("Unscored", unscored_words(estimate.unscored)),
        ]
    else:
        facts = [Fact("Limit", limit(finding.check, None))]
    if finding.p_value is not None:
        facts.append(Fact("p of a failure, before Holm", p_words(finding.p_value)))
    if finding.waived_by is not None:
        facts.append(Fact("Waived by", finding.waived_by))
    return tuple(facts)


def _part(finding: Finding) -> str:
    """`gender` for a slice by one key or a contrast, the words of the part otherwise."""
    name = finding.check.estimate
    if name.contrast is not None and name.axis is not None:
        return name.axis
    if len(name.slice) == 1 and name.axis is None:
        return next(iter(name.slice.values()))
    return part(name)


def _view(finding: Finding, ix: Index) -> FindingView:
    estimate = ix.estimates.get(finding.check.estimate)
    text = rule_text(finding)
    title = finding_title(finding)
    picture, short, decimals = None, "–", finding_places(finding, estimate)
    if estimate is not None:
        scale = scale_of(estimate)
        lines = [Line(part(estimate.id), estimate, finding, True)]
        words = f"{capital(humane(estimate.id.metric))} against its limit"
        picture = chart(anchor("strip", finding.id), "", words, lines, bare=True)
        short = scale.full(estimate.value, decimals)
        if estimate.low is not None or estimate.high is not None:
            short += f" {scale.interval(estimate.low, estimate.high, decimals)}"
    cited = [name for name in finding.evidence if name in ix.audit.evidence]
    return FindingView(
        anchor=anchor("finding", finding.id),
        id=finding.id,
        code=finding.rule,
        benchmark=finding.check.benchmark,
        status=finding.status,
        word=status_word(finding),
        severity=SEVERITY[finding.check.severity],
        title=title,
        what=capital(measured(finding.check)),
        part=_part(finding),
        reason=finding_reason(finding, estimate, ix.audit),
        rule=Link("#" + rule_anchor(text.code), f"{text.code} {text.name}"),
        facts=_facts(finding, estimate),
        chart=picture,
        estimate=None if estimate is None else Link("#" + estimate_anchor(estimate), str(estimate.id)),
        evidence=tuple(Link("#" + case_anchor(name), name) for name in cited),
        decides=finding.id in ix.audit.verdict.reasons,
        blocks=finding.blocks,
        holds=finding.holds_back,
        prominent=finding.status in ("fail", "error", "inconclusive") and finding.blocks,
        limit=limit(finding.check, estimate, decimals),
        value=short,
    )


def views(ix: Index) -> tuple[FindingView, ...]:
    """All findings, worst first."""
    return tuple(_view(finding, ix) for finding in worst_first(ix.audit))


def groups(findings: Sequence[FindingView]) -> tuple[Group, ...]:
    """Findings gathered by outcome, rule and severity, in the order of each group's worst one."""
    gathered: dict[tuple[str, str, str], list[FindingView]] = {}
    for finding in findings:
        gathered.setdefault((finding.word, finding.code, finding.severity), []).append(finding)
    return tuple(_group(members) for members in gathered.values())


def _group(members: Sequence[FindingView]) -> Group:
    first = members[0]
    several = len(members) > 1
    return Group(
        anchor=anchor("group", f"{first.word} {first.code} {first.severity}"),
        status=first.status,
        word=f"{count(len(members))} {first.word}" if several else first.word,
        title=first.title,
        rule=first.rule,
        severity=first.severity,
        members=tuple(members),
        parts=", ".join(dict.fromkeys(member.part for member in members)),
        folded=several and first.status != "fail" and not any(one.decides for one in members),
    )


def rules(ix: Index) -> tuple[RuleView, ...]:
    """The documentation of each rule that has a finding, by code."""
    texts = {finding.rule: rule_text(finding) for finding in ix.audit.findings}
    return tuple(RuleView(rule_anchor(code), texts[code]) for code in sorted(texts))

