"""The verdict in one sentence."""

from __future__ import annotations

from auditkit.schema import Audit


def sentence(audit: Audit) -> str:
    """What was decided, under which policy, and by how many checks: `Passes the policy default: 5 … cleared.`"""
    verdict = audit.verdict
    number, policy = len(verdict.reasons), verdict.policy
    checks = f"{number} blocking check" + ("" if number == 1 else "s")
    if verdict.status == "fail":
        missed = "missed its bound" if number == 1 else "missed their bounds"
        return f"Fails the policy {policy}: {checks} {missed}."
    if verdict.status == "error":
        return f"Could not be measured: {checks} of {policy} ended in error."
    if verdict.status == "pass":
        return f"Passes the policy {policy}: {checks} cleared."
    if number:
        return f"Undecided under the policy {policy}: {checks} inconclusive."
    return f"Undecided: no blocking check of the policy {policy} was decided."
