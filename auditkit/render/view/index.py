"""Look-ups that the sections share: an audit's estimates and findings by what they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.schema import Audit, Estimate, Finding, Severity, Status

_RANK: dict[Status, int] = {"fail": 0, "error": 1, "inconclusive": 2, "not_applicable": 7, "pass": 8}
_SEVERITY: dict[Severity, int] = {"block": 0, "warn": 3, "info": 4}


@dataclass(frozen=True)
class Index:
    """One audit, looked up."""

    audit: Audit
    estimates: dict[str, Estimate]
    """By id."""
    findings: dict[str, Finding]
    """By the id of the estimate that the check bounds; the worst finding where several do."""


def _bounds(finding: Finding, estimate: Estimate) -> bool:
    """Whether the finding's check bounds this estimate (a guard's estimate is only mentioned)."""
    check = finding.check
    return (check.benchmark, check.metric, check.arm, check.slice, check.axis, check.group, check.contrast) == (
        estimate.benchmark, estimate.metric, estimate.arm, estimate.slice, estimate.axis, estimate.group,
        estimate.contrast,
    )


def order(finding: Finding) -> tuple[int, float, str]:
    """Worst first: blocking failures, errors, undecided ones; then warnings; then what does not apply or passes."""
    rank = _RANK[finding.status]
    rank += _SEVERITY[finding.check.severity] if rank < 7 else 0
    return rank, 1.0 if finding.p_value is None else finding.p_value, finding.id


def worst_first(audit: Audit) -> tuple[Finding, ...]:
    """All findings, sorted by `order`."""
    return tuple(sorted(audit.findings, key=order))


def bounded(finding: Finding, estimates: dict[str, Estimate]) -> Estimate | None:
    """The estimate that the check bounds; `None` where there is none."""
    for name in finding.estimates:
        if name in estimates and _bounds(finding, estimates[name]):
            return estimates[name]
    return next((estimate for estimate in estimates.values() if _bounds(finding, estimate)), None)


def look_up(audit: Audit) -> Index:
    """Look everything up once."""
    estimates = {estimate.id: estimate for estimate in audit.estimates}
    findings: dict[str, Finding] = {}
    for finding in worst_first(audit):
        estimate = bounded(finding, estimates)
        if estimate is not None:
            findings.setdefault(estimate.id, finding)
    return Index(audit, estimates, findings)
