"""The section of methods: intervals, signatures, the policy and its rules, versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from auditkit.render.view.facts import Fact
from auditkit.render.view.findings import severity
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import contrast_name, measured, spaced
from auditkit.render.view.rules import RuleView, rules
from auditkit.render.view.section import Section
from auditkit.render.view.values import limit
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count, level, number
from auditkit.schema import Check, Estimate

SPREADS = ("exact", "share", "compound")
"""Kinds of spread, in the order in which their interval methods are explained."""


@dataclass(frozen=True)
class Signature:
    """The instrument half of some metrics' signature."""

    metrics: tuple[str, ...]
    parts: tuple[Fact, ...]


@dataclass(frozen=True)
class CheckRow:
    """One check of the policy."""

    rule: str
    what: str
    limit: str
    severity: str
    demands: str


@dataclass(frozen=True)
class Methods:
    """Interval methods, signatures, policy and versions."""

    intervals: tuple[Fact, ...]
    names: tuple[str, ...]
    """Names of interval methods as the estimates give them, without degrees of freedom and counts."""
    subject: tuple[Fact, ...]
    signatures: tuple[Signature, ...]
    checks: tuple[CheckRow, ...]
    rules: tuple[RuleView, ...]
    """The documentation of each rule that has a finding."""
    policy: str
    """Name of the policy."""
    description: str
    waivers: tuple[Fact, ...]
    versions: tuple[Fact, ...]


def methods(index: AuditIndex) -> Methods:
    """Everything that a reviewer needs to recompute and to compare."""
    audit, subject = index.audit, index.audit.subject
    return Methods(
        intervals=tuple(
            Fact(say(f"methods.interval.{kind}"), say(f"methods.interval.{kind}.why")) for kind in _spreads(index)
        ),
        names=tuple(sorted({_uncounted(estimate.method) for estimate in audit.estimates})),
        subject=(
            Fact(say("methods.fact.fingerprint"), subject.fingerprint),
            Fact(say("methods.fact.family"), subject.kind),
            *named(subject.parts),
        ),
        signatures=_signatures(audit.estimates),
        checks=_checks(index),
        rules=rules(index),
        policy=audit.policy.name,
        description=audit.policy.description,
        waivers=_waivers(index),
        versions=tuple(Fact(key, audit.environment[key]) for key in sorted(audit.environment)),
    )


section = Section("methods", 700, methods, "methods.html.j2")


def named(parts: dict[str, str]) -> tuple[Fact, ...]:
    """A record's own names and texts as facts, sorted by name."""
    return tuple(Fact(spaced(key), parts[key]) for key in sorted(parts))


def _spreads(index: AuditIndex) -> list[str]:
    """Kinds of spread that the audit's intervals come from, parts of compounds included."""
    kinds: set[str] = set()
    pending: list[Any] = [estimate.spread for estimate in index.audit.estimates if estimate.spread is not None]
    while pending:
        spread = pending.pop()
        kinds.add(spread.kind)
        pending.extend(getattr(spread, "parts", ()))
    return [kind for kind in SPREADS if kind in kinds]


def _uncounted(method: str) -> str:
    """A method's name without its counts: `Korn–Graubard (13 clusters)` → `Korn–Graubard`."""
    without_clusters = re.sub(r" \(\d+ clusters\)|(?<=\()\d+ clusters, | over \d+ clusters", "", method)
    return re.sub(r"^\d+ pairwise contrasts?", "pairwise contrasts", without_clusters)


def _signatures(estimates: tuple[Estimate, ...]) -> tuple[Signature, ...]:
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for estimate in estimates:
        names = groups.setdefault(tuple(sorted(estimate.signature.items())), [])
        name = str(estimate.id.over_all_rows)
        if estimate.id.contrast is not None:
            name += f", {contrast_name(estimate.id.contrast)}"
        if name not in names:
            names.append(name)
    return tuple(Signature(tuple(names), named(dict(parts))) for parts, names in groups.items())


def _checks(index: AuditIndex) -> tuple[CheckRow, ...]:
    return tuple(
        CheckRow(
            rule=check.rule,
            what=measured(check),
            limit=limit(check, index.estimates.get(check.estimate)),
            severity=severity(check.severity),
            demands=_demands(check),
        )
        for check in index.audit.policy.checks
    )


def _demands(check: Check) -> str:
    return say(
        "methods.demands", level=level(check.level), samples=count(check.min_samples),
        clusters=count(check.min_clusters), unscored=level(check.max_unscored), errored=level(check.max_errored),
    )


def _waivers(index: AuditIndex) -> tuple[Fact, ...]:
    return tuple(
        Fact(waiver.finding, say(
            "methods.waiver", owner=waiver.owner, expires=waiver.expires.isoformat(),
            bound=number(waiver.accepted_bound), reason=waiver.reason,
        ))
        for waiver in index.audit.policy.waivers
    )
