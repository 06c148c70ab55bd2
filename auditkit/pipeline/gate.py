"""Judge an audit by a policy."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from auditkit.judge.rules import rule_words
from auditkit.pipeline.around.seal import compare_with_seal
from auditkit.pipeline.steps.judgement import judge_estimates
from auditkit.pipeline.steps.policy import open_policy
from auditkit.schema import Audit
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.store.folder import RunFolder, load_audit


def read_sealed(path: Path, on_event: OnEvent = ignore) -> Audit:
    """The audit of a run folder, or an audit.json, held against the seal of the journal beside it.

    Args:
        path: the folder or the file.
        on_event: told where there is no journal to hold it against.

    Raises:
        VerifyError: the journal seals another audit.json.
        RecordError: audit.json is damaged.
    """
    folder = RunFolder(path if path.is_dir() else path.parent)
    audit = load_audit(path, on_event)
    if (path.is_dir() or path.name == folder.audit.name) and compare_with_seal(folder):
        return audit
    on_event(Event("judge", f"{path}: not compared with a seal: no journal lies beside it"))
    return audit


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
