"""Findings to one verdict and exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from auditkit.judge.slices import harm_of
from auditkit.schema import EstimateId, Finding, Harm, Policy, Status, Verdict

Outcome = Literal["pass", "fail", "inconclusive", "error", "not_judged"]
ExitCode = Literal[0, 1, 3, 4]
EXIT_CODES: dict[Outcome, ExitCode] = {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4, "not_judged": 0}


def decide(findings: tuple[Finding, ...], policy: Policy, *, incomplete: bool = False) -> Verdict:
    """The verdict: blocking checks only.

    `fail` (1) if any failed; else `error` (4) if any could not be measured; else `inconclusive` (3, or 0 where the
    purpose is a pull request) if any is undecided or was not run, or none was decided at all; else `pass` (0).

    Args:
        findings: one a check, in the policy's order.
        policy: what they were judged by.
        incomplete: whether more samples errored or were not run than may; it decides where nothing else is judged.
    """
    blocking = [finding for finding in findings if finding.blocks]
    errored = incomplete or any(finding.status == "error" for finding in findings)
    outcome, deciding = _outcome(blocking, errored) if policy.judges else ("error" if incomplete else "not_judged", [])
    excused = outcome == "inconclusive" and policy.purpose == "pull-request"
    return Verdict(
        status=outcome, exit_code=0 if excused else EXIT_CODES[outcome],
        reasons=tuple(finding.id for finding in deciding), policy=policy.name, policy_sha256=policy.sha256,
        purpose=policy.purpose,
        counts=dict(sorted(Counter[Status](finding.status for finding in blocking).items())),
        let_pass=sum(finding.let_pass for finding in blocking), harm=_largest_harm(blocking),
    )


def _outcome(blocking: list[Finding], errored: bool) -> tuple[Outcome, list[Finding]]:
    """What the blocking findings come to, and those that decide it."""
    for status in ("fail", "error"):
        deciding = [finding for finding in blocking if finding.status == status]
        if deciding:
            return status, deciding
    undecided = [finding for finding in blocking if finding.holds_back]
    if undecided:
        return "inconclusive", undecided
    passed = [finding for finding in blocking if finding.status in ("pass", "waived")]
    if passed:
        return "pass", passed
    return ("error" if errored else "inconclusive"), []


def _largest_harm(blocking: Sequence[Finding]) -> Harm | None:
    """The largest harm that no check on single slices excludes, relative to what its check allows."""
    harms = [
        (distance, finding) for finding in blocking if "harm" in finding.parameters
        for part in finding.singles if (distance := harm_of(part)) is not None
    ]
    if not harms:
        return None
    _, finding = max(harms, key=lambda item: (item[0], item[1].id))
    harm, name = finding.parameters["harm"], finding.parameters["harm_slice"]
    assert isinstance(harm, (int, float))
    return Harm(finding=finding.id, estimate=EstimateId.parse(str(name)), value=float(harm))
