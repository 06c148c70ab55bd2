"""A real audit of version 1: later versions must go on reading it. Never write these files again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from auditkit.schema import SCHEMA_VERSION, Audit, Guard
from auditkit.store.folder import load_audit
from auditkit.store.journal import read_journal
from auditkit.store.upgrades import upgrade

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


def test_names_guards_and_counts_of_version_1_are_brought_along(audit: Audit) -> None:
    assert audit.schema_version == SCHEMA_VERSION
    data = json.loads((GOLDEN / "audit.json").read_bytes())
    assert [str(estimate.id) for estimate in audit.estimates] == [old["id"] for old in data["estimates"]]
    assert [finding.id for finding in audit.findings] == [finding.check.finding for finding in audit.findings]
    assert [[str(name) for name in finding.estimates] for finding in audit.findings] == [
        old["estimates"] for old in data["findings"]
    ]
    assert sum(audit.verdict.counts.values()) == sum(finding.blocks for finding in audit.findings)


def test_a_variant_of_version_1_gets_a_field_and_a_bias_score_its_guard() -> None:
    data = json.loads((GOLDEN / "audit.json").read_bytes())
    estimate = {**data["estimates"][0], "id": "q/ambiguous_bias_score@ambiguous~typos", "benchmark": "q",
                "metric": "ambiguous_bias_score", "arm": "ambiguous~typos"}
    check = {"rule": "AK103", "benchmark": "q", "metric": "ambiguous_bias_score", "arm": "ambiguous~typos", "bound": 1}
    new = Audit.model_validate(upgrade(
        {**data, "estimates": [estimate], "policy": {"name": "p", "checks": [check]}, "findings": []}, "audit.json"
    ))
    assert (new.estimates[0].id.arm, new.estimates[0].id.variant) == ("ambiguous", "typos")
    assert new.estimates[0].guard == Guard(metric="accuracy", arm="disambiguated", bound=1 / 3)
    assert new.policy.checks[0].estimate == new.estimates[0].id
