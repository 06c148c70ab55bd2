"""A real audit of version 1: later versions must go on reading it. Never write these files again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from auditkit.schema import Audit
from auditkit.store.folder import load_audit
from auditkit.store.journal import read_journal

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


@pytest.fixture(scope="module")
def audit() -> Audit:
    return load_audit(GOLDEN)


def test_audit_of_version_1_is_read(audit: Audit) -> None:
    assert audit.subject.name == "smollm2"
    assert (audit.verdict.status, audit.verdict.exit_code) == ("inconclusive", 3)
    pooled = {str(estimate.id): estimate for estimate in audit.estimates}["claims/true_claim_refutation@true-claim"]
    # 4 hits of 4 claims: Clopper–Pearson by hand is [.025 ** (1 / 4), 1].
    assert (pooled.value, pooled.n, pooled.clusters) == (1.0, 4, 4)
    assert pooled.low == pytest.approx(0.025**0.25)
    assert pooled.high == 1.0
    assert len(audit.attributions) == 1
    assert set(pooled.cited.extreme) <= set(audit.evidence)


def test_journal_of_version_1_is_read(audit: Audit) -> None:
    records = read_journal(GOLDEN / "journal.jsonl")
    assert len(records.samples) == len(records.outputs) == 8
    assert records.seal == hashlib.sha256((GOLDEN / "audit.json").read_bytes()).hexdigest()
    assert records.attributions == audit.attributions
