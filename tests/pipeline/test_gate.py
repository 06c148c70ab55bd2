"""Judging a finished audit: from what it recorded, whatever is installed where it is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

import auditkit
from auditkit import registry
from auditkit.pipeline.gate import gate
from auditkit.store.folder import load_audit


@pytest.mark.slow
def test_a_guard_holds_where_the_metric_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first option scores a bias of 0, and its accuracy does not clear the guard: never a pass."""
    audit = auditkit.audit(
        "planted:first-option", packs=["ambiguous-qa"], out=str(tmp_path / "run"), explain={"samples": 0}
    )
    entries = registry._entries()
    without = {key: value for key, value in entries.items() if key[0] not in ("metric", "statistic")}
    monkeypatch.setattr(registry, "_entries", lambda: without)
    registry.get.cache_clear()
    try:
        judged = gate(load_audit(tmp_path / "run"), "default")
    finally:
        registry.get.cache_clear()
    findings = {finding.rule: finding for finding in judged.findings}
    assert (findings["AK103"].status, findings["AK103"].cause) == ("inconclusive", "guard")
    assert judged.findings == audit.findings
    assert judged.verdict == audit.verdict
    assert judged.verdict.exit_code == 3
