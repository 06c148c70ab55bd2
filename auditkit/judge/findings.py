"""All checks of a policy: each slice alone, then Holm over all of them that block, then waivers; a finding a check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from auditkit.errors import AuditkitError, MeasurementError
from auditkit.judge.rules import find_rule
from auditkit.judge.slices import combined
from auditkit.judge.threshold import Basis, judge_check
from auditkit.schema import Check, Finding, Policy, Waiver
from auditkit.stats.multiplicity import holm

TAIL = 0.025
"""Tail of a check at the usual level, to which the p-values of others are rescaled."""


def judge(policy: Policy, basis: Basis, today: dt.date) -> tuple[Finding, ...]:
    """Findings of a policy, in its order.

    A failure is corrected by Holm over every slice of every blocking check of the policy, whatever was run, since any
    one of them blocks; a pass needs none (an intersection-union test).

    Args:
        policy: the checks and waivers.
        basis: estimates and self-test readings.
        today: the day on which waivers must not have expired.

    Raises:
        RegistryError: a rule that is not installed.
        MeasurementError: a plugin's rule failed.
    """
    parts = [[_judge_by_rule(part, basis) for part in _parts(check, basis)] for check in policy.checks]
    corrected = iter(_corrected([part for members in parts for part in members], policy.family))
    findings = []
    for check, members in zip(policy.checks, parts, strict=True):
        final = [_waived(next(corrected), policy.waivers, basis, today) for _ in members]
        findings.append(final[0] if final[0].check == check else combined(check, final))
    return tuple(findings)


def _parts(check: Check, basis: Basis) -> list[Check]:
    """The checks that a check stands for: one a slice of the whole pack; itself where it has no `each`, or where the
    pack was not audited."""
    return [check.of(name) for name in basis.slices(check)] if check.each and basis.slices(check) else [check]


def _judge_by_rule(check: Check, basis: Basis) -> Finding:
    """Judge one check alone: by the threshold function, or by its rule's own.

    Raises:
        RegistryError: the rule is not installed.
        MeasurementError: the rule's function failed, or returned no finding of this check.
    """
    rule = find_rule(check.rule)
    if rule.judge is None:
        finding = judge_check(check, basis)
        if rule.withholds and finding.status == "fail":
            return finding.model_copy(update={"status": "inconclusive", "cause": "withheld", "p_value": None})
        return finding
    try:
        finding = rule.judge(check, basis)
    except AuditkitError:
        raise
    except Exception as error:
        raise MeasurementError(f"the rule of {check.finding} failed: {type(error).__name__}: {error}") from error
    if not isinstance(finding, Finding) or (finding.id, finding.check) != (check.finding, check):
        raise MeasurementError(f"the rule of {check.finding} returned {finding!r}, not a Finding of this check")
    return finding


def _corrected(findings: Sequence[Finding], declared: int | None) -> list[Finding]:
    """The findings, of which those that fail alone but not in the family are undecided.

    Args:
        findings: a slice each.
        declared: size of the family that the policy declares; as many as block here where it is not known.
    """
    blocking = [i for i, finding in enumerate(findings) if finding.blocks]
    size = max(declared or 0, len(blocking))
    scaled = [_at_common_level(findings[i]) for i in blocking]
    adjusted = dict(zip(blocking, holm([*scaled, *[None] * (size - len(blocking))]), strict=False))
    result = list(findings)
    for i in blocking:
        finding = findings[i]
        p = finding.p_value
        if finding.status != "fail" or p is None or adjusted[i] <= TAIL:
            continue
        largest = max(1, int((1 - finding.check.level) / 2 / p)) if p > 0 else size
        parameters = {**finding.parameters, "family": size, "largest_family": largest, "p": p}
        result[i] = finding.model_copy(update={"status": "inconclusive", "cause": "holm", "parameters": parameters})
    return result


def _at_common_level(finding: Finding) -> float | None:
    """The p-value rescaled so that each check's own alpha/2 becomes .025."""
    if finding.p_value is None:
        return None
    return min(1.0, finding.p_value * TAIL / ((1 - finding.check.level) / 2))


def _waived(finding: Finding, waivers: tuple[Waiver, ...], basis: Basis, today: dt.date) -> Finding:
    for waiver in waivers:
        if waiver.finding == finding.id and finding.status in ("fail", "inconclusive") and waiver.expires >= today:
            estimate = basis.estimates.get(finding.estimates[0]) if finding.estimates else None
            if estimate is None:
                continue
            accepted: Check = finding.check.model_copy(update={"bound": waiver.accepted_bound})
            region = accepted.region(estimate)
            low, high = finding.parameters.get("worst_low"), finding.parameters.get("worst_high")
            if region.holds(_number(low), _number(high)):
                return finding.model_copy(update={"waived_by": waiver.owner, "status": "waived"})
    return finding


def _number(value: float | int | str | None) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
