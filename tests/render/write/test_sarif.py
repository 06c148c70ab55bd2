"""SARIF 2.1.0: what the standard requires, and what code scanning asks for on top."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from auditkit.render.view.rules import rule_text
from auditkit.render.words.catalogue import say
from auditkit.render.write import sarif
from auditkit.schema import Audit


@pytest.fixture(scope="module")
def run(audit: Audit) -> dict[str, Any]:
    log = json.loads(sarif.render(audit))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    assert len(log["runs"]) == 1
    first: dict[str, Any] = log["runs"][0]
    return first


def test_same_audit_same_bytes(audit: Audit) -> None:
    assert sarif.render(audit) == sarif.render(Audit.model_validate_json(audit.model_dump_json()))


def test_required_properties(run: dict[str, Any]) -> None:
    assert run["tool"]["driver"]["name"] == "auditkit"
    assert all({"id"} <= set(rule) for rule in run["tool"]["driver"]["rules"])
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["level"] in {"none", "note", "warning", "error"}
    assert all(isinstance(one["executionSuccessful"], bool) for one in run["invocations"])


def test_results_are_the_findings_that_did_not_pass(run: dict[str, Any], audit: Audit) -> None:
    named = [one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for one in run["results"]]
    assert sorted(named) == sorted(one.id for one in audit.findings if one.status != "pass")
    assert named[0] == audit.verdict.reasons[0]


def test_rules_come_from_the_catalogue(run: dict[str, Any], audit: Audit) -> None:
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted({one.rule for one in audit.findings})
    for rule in rules:
        text = rule_text(rule["id"])
        if text is not None:
            assert rule["shortDescription"]["text"] == text.failing
            assert text.todo in rule["help"]["text"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_levels(run: dict[str, Any]) -> None:
    levels = {(one["properties"]["status"], one["properties"]["severity"]): one["level"] for one in run["results"]}
    block, warn = say("terms.severity.block"), say("terms.severity.warn")
    assert levels == {
        ("fail", block): "error",
        ("error", block): "error",
        ("inconclusive", block): "warning",
        ("fail", warn): "warning",
        ("inconclusive", warn): "note",
        ("not_applicable", block): "note",
        ("not_run", block): "warning",
        ("waived", block): "warning",
    }


def test_fingerprints_tell_findings_apart(run: dict[str, Any]) -> None:
    prints = [one["partialFingerprints"]["auditkitFinding/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints)
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in prints)


def test_gaps_are_notifications(run: dict[str, Any]) -> None:
    texts = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert texts[0] == "2 samples could not be asked: the request failed."
    assert "always-unknown" in texts[1]
    assert run["invocations"][0]["exitCode"] == 1


def test_a_message_has_no_placeholders_and_no_links() -> None:
    assert sarif.message("a {0} [x](1) \x00") == "a {{0}} [x] (1) ␀"


def test_hostile_text(poisoned: Audit) -> None:
    data = sarif.render(poisoned).decode("utf-8")
    assert not re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", data)
    run = json.loads(data)["runs"][0]
    texts = [one["message"]["text"] for one in run["results"]]
    assert any("</script><script>alert(1)</script> {{{{ 7*7 }}}}" in text and "⟦U+202E⟧" in text for text in texts)
    assert not any("](" in text for text in texts)
