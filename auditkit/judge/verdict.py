"""Findings to one verdict and exit code."""

from __future__ import annotations

from typing import Literal

from auditkit.schema import Finding, Policy, Verdict

Outcome = Literal["pass", "fail", "inconclusive", "error"]
EXIT_CODES: dict[Outcome, Literal[0, 1, 3, 4]] = {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4}


def decide(findings: tuple[Finding, ...], policy: Policy) -> Verdict:
    """The verdict: blocking checks only.

    `fail` (1) if any failed; else `error` (4) if any could not be measured; else `inconclusive` (3) if any is
    undecided and holds, or none was decided at all; else `pass` (0).
    """
    blocking = [finding for finding in findings if finding.check.severity == "block"]
    failed = _ids(blocking, "fail")
    errored = _ids(blocking, "error")
    held = tuple(
        finding.id for finding in blocking
        if (finding.status == "inconclusive" and finding.check.inconclusive == "hold")
        or (finding.status == "not_applicable" and not finding.check.allow_not_applicable)
    )
    passed = _ids(blocking, "pass")
    name = policy.name
    if failed:
        missed = "missed its bound" if len(failed) == 1 else "missed their bounds"
        return _verdict("fail", f"Fails the policy {name}: {_checks(failed)} {missed}.", failed, name)
    if errored:
        return _verdict("error", f"Could not be measured: {_checks(errored)} of {name} ended in error.", errored, name)
    if held:
        return _verdict("inconclusive", f"Undecided under the policy {name}: {_checks(held)} inconclusive.", held, name)
    if not passed:
        return _verdict("inconclusive", f"Undecided: no blocking check of the policy {name} was decided.", (), name)
    return _verdict("pass", f"Passes the policy {name}: {_checks(passed)} cleared.", passed, name)


def _verdict(status: Outcome, sentence: str, reasons: tuple[str, ...], policy: str) -> Verdict:
    return Verdict(status=status, exit_code=EXIT_CODES[status], sentence=sentence, reasons=reasons, policy=policy)


def _ids(findings: list[Finding], status: str) -> tuple[str, ...]:
    return tuple(finding.id for finding in findings if finding.status == status)


def _checks(ids: tuple[str, ...]) -> str:
    return f"{len(ids)} blocking check" + ("" if len(ids) == 1 else "s")
