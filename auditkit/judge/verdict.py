"""Findings to one verdict and exit code."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from auditkit.schema import Finding, Policy, Status, Verdict

Outcome = Literal["pass", "fail", "inconclusive", "error"]
EXIT_CODES: dict[Outcome, Literal[0, 1, 3, 4]] = {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4}


def decide(findings: tuple[Finding, ...], policy: Policy) -> Verdict:
    """The verdict: blocking checks only.

    `fail` (1) if any failed; else `error` (4) if any could not be measured; else `inconclusive` (3) if any is
    undecided and holds, or none was decided at all; else `pass` (0).
    """
    blocking = [finding for finding in findings if finding.blocks]
    outcome, deciding = _outcome(blocking)
    return Verdict(
        status=outcome, exit_code=EXIT_CODES[outcome], reasons=tuple(finding.id for finding in deciding),
        policy=policy.name, counts=dict(sorted(Counter[Status](finding.status for finding in blocking).items())),
    )


def _outcome(blocking: list[Finding]) -> tuple[Outcome, list[Finding]]:
    """What the blocking findings come to, and those that decide it."""
    failed = [finding for finding in blocking if finding.status == "fail"]
    if failed:
        return "fail", failed
    errored = [finding for finding in blocking if finding.status == "error"]
    if errored:
        return "error", errored
    undecided = [finding for finding in blocking if finding.holds_back]
    if undecided:
        return "inconclusive", undecided
    passed = [finding for finding in blocking if finding.status == "pass"]
    return ("pass" if passed else "inconclusive"), passed
