"""Rules are registered like metrics: a package adds one, with a function and words of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import auditkit
from auditkit import registry
from auditkit.errors import MeasurementError, RegistryError
from auditkit.judge.rules import find_rule
from auditkit.pipeline.gate import gate
from auditkit.render.write.html import render as page
from auditkit.render.write.sarif import render as sarif
from auditkit.schema import Audit
from auditkit.store.folder import load_audit

RULE = '''
from auditkit.schema import Finding, Rule, RuleText

def halve(check, basis):
    """Fails above half of the bound, by the value alone."""
    estimate = basis.estimates[check.estimate]
    status, cause = ("fail", "missed") if estimate.value > check.bound / 2 else ("pass", "cleared")
    return Finding(
        id=check.finding, rule=check.rule, status=status, cause=cause, check=check, estimates=(check.estimate,)
    )

words = RuleText(
    name="too-many-claims", passing="Few false claims are endorsed", failing="Too many false claims are endorsed",
    inconclusive="Undecided", what="Halves the bound.", why="Because.", todo="Ask the author.",
)
rule = Rule(code="XX001", metrics=("false_claim_endorsement",), words={"en": words}, judge=halve)
'''
POLICY = """
name: mine
checks:
- {rule: XX001, benchmark: claims, metric: false_claim_endorsement, arm: false-claim, bound: 0.95}
"""
Install = Callable[[str], None]


def _refresh() -> None:
    registry._entries.cache_clear()
    registry.get.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with the module `claim_rules` on the path, as an installation would."""

    def put(source: str) -> None:
        info = tmp_path / "claim_rules-1.0.dist-info"
        info.mkdir()
        (tmp_path / "claim_rules.py").write_text(source)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: claim-rules\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[auditkit]\nrule.XX001 = claim_rules:rule\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        _refresh()

    yield put
    sys.modules.pop("claim_rules", None)
    monkeypatch.undo()
    _refresh()


def audit(tmp_path: Path) -> Audit:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return auditkit.audit(
        "planted:always-true", packs=["claims"], limit=60, out=str(tmp_path / "run"), explain={"samples": 0},
        policy=str(tmp_path / "policy.yaml"),
    )


def test_a_rule_of_a_plugin_judges_and_its_words_are_shown(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(RULE)
    result = audit(tmp_path)
    assert [(finding.rule, finding.status) for finding in result.findings] == [("XX001", "fail")]
    assert result.verdict.exit_code == 1
    text = page(result).decode("utf-8")
    assert "Too many false claims are endorsed" in text
    assert "Halves the bound." in text
    assert b"XX001" in sarif(result)
    monkeypatch.undo()
    _refresh()
    written = load_audit(tmp_path / "run")
    assert page(written).decode("utf-8") == text, "the page is a function of the audit alone"
    with pytest.raises(RegistryError, match='no rule is called "XX001"'):
        gate(written)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (RULE.replace("estimate.value >", "1 / 0 >"), "the rule of XX001 claims/.* failed: ZeroDivisionError"),
        (RULE.replace("id=check.finding", "id='other'"), "not a Finding of this check"),
        (RULE.replace('code="XX001"', 'code="XX002"'), "not the Rule of this code"),
    ],
)
def test_a_rule_that_does_not_work_is_named(tmp_path: Path, install: Install, source: str, problem: str) -> None:
    install(source)
    with pytest.raises(MeasurementError, match=problem):
        audit(tmp_path)


def test_built_in_rules_are_registered() -> None:
    for code in registry.names("rule"):
        assert find_rule(code).code == code
        assert not find_rule(code).words, "the words of built-in rules stand in the catalogue"
