"""Look-ups that the sections share: an audit's estimates and findings by what they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.schema import Audit, DeclaredMetric, Estimate, EstimateId, Finding, Severity, Status

_RANK: dict[Status, int] = {
    "fail": 0, "error": 1, "inconclusive": 2, "not_run": 3, "waived": 6, "not_applicable": 8, "pass": 9,
}
_SEVERITY: dict[Severity, int] = {"block": 0, "warn": 4, "info": 5}


@dataclass(frozen=True)
class AuditIndex:
    """One audit, looked up."""

    audit: Audit
    estimates: dict[EstimateId, Estimate]
    findings: dict[EstimateId, Finding]
    """By the id of the estimate that the check bounds, of a check on each slice by those of the slices; the worst
    finding where several do."""
    declared: dict[tuple[str, str, str], DeclaredMetric]
    """Benchmark, metric and arm to what the card declares of it."""


def order(finding: Finding) -> tuple[int, float, str]:
    """Worst first: blocking failures, errors, undecided ones; then warnings; then what does not apply or passes."""
    rank = _RANK[finding.status]
    rank += _SEVERITY[finding.check.severity] if rank < 8 else 0
    return rank, 1.0 if finding.p_value is None else finding.p_value, finding.id


def worst_first(audit: Audit) -> tuple[Finding, ...]:
    """All findings, sorted by `order`."""
    return tuple(sorted(audit.findings, key=order))


def look_up(audit: Audit) -> AuditIndex:
    """Look everything up once."""
    estimates = {estimate.id: estimate for estimate in audit.estimates}
    findings: dict[EstimateId, Finding] = {}
    for finding in worst_first(audit):
        for single in finding.singles:
            if single.check.estimate in estimates:
                findings.setdefault(single.check.estimate, single)
    declared = {(metric.benchmark, metric.metric, metric.arm): metric for metric in audit.declared}
    return AuditIndex(audit, estimates, findings, declared)
