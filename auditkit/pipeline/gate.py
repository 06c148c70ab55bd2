"""Judge an audit by a policy."""

from __future__ import annotations

import datetime as dt

from auditkit.judge.rules import rule_words
from auditkit.pipeline.steps.judgement import judge_estimates
from auditkit.pipeline.steps.policy import open_policy
from auditkit.schema import Audit


def gate(audit: Audit, policy: str | None = None, today: dt.date | None = None) -> Audit:
    """The audit with the findings and verdict of a policy.

    Args:
        audit: the audit; its estimates and self-test readings are used as they are (`verify` recomputes them).
        policy: a built-in policy's name or a policy file; the audit's own by default.
        today: the day on which waivers are judged; today by default.
    """
    applied = audit.policy if policy is None else open_policy(policy, audit.config.packs, audit.declared)
    findings, verdict = judge_estimates(
        applied, audit.estimates, audit.selftest, today or dt.datetime.now(dt.UTC).date(), cards=audit.benchmarks,
        declared=audit.declared, not_applicable=audit.not_applicable, left_out=audit.left_out,
    )
    judged = audit.model_copy(update={
        "policy": applied, "findings": findings, "rule_words": rule_words(applied), "verdict": verdict,
    })
    return judged.sealed()
