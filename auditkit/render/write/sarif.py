"""The findings as SARIF 2.1.0, for code scanning. Source: OASIS, SARIF Version 2.1.0 (2020)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from auditkit.render.view.findings import FindingView, finding_views
from auditkit.render.view.gaps import gaps
from auditkit.render.view.index import AuditIndex, look_up
from auditkit.render.view.masthead import exit_meaning
from auditkit.render.view.rules import RuleView, rules
from auditkit.render.view.verdict import sentence, small_print
from auditkit.render.view.visible import line, visible
from auditkit.render.words.catalogue import say
from auditkit.render.write.exporter import exporter
from auditkit.schema import Audit

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def message(text: str) -> str:
    """A message string: placeholders and embedded links have no effect in it (SARIF 2.1.0 §3.11.5 and §3.11.6)."""
    return line(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _level(finding: FindingView) -> str:
    """`error` for what blocks, `warning` for what only warns, holds a verdict back or was let pass, else `note`."""
    if finding.status in ("fail", "error"):
        return "error" if finding.blocks else "warning"
    return "warning" if finding.status in ("inconclusive", "not_run", "waived") and finding.blocks else "note"


def _rule(rule: RuleView) -> dict[str, Any]:
    text = rule.text
    example = say("sarif.example", text=text.example) if text.example else ""
    parts = [text.why, example, say("sarif.todo", text=text.todo), *text.references]
    return {
        "id": visible(rule.code),
        "name": visible(text.name),
        "shortDescription": {"text": visible(text.failing)},
        "fullDescription": {"text": visible(text.what)},
        "help": {"text": visible("\n".join(part for part in parts if part))},
        "defaultConfiguration": {"level": "error"},
    }


def _location(finding: FindingView) -> dict[str, Any]:
    """The estimate within audit.json; code scanning asks for a file, and that is where the numbers stand."""
    return {
        "physicalLocation": {"artifactLocation": {"uri": "audit.json"}, "region": {"startLine": 1}},
        "logicalLocations": [
            {
                "name": line(finding.id.partition(" ")[2] or finding.id),
                "fullyQualifiedName": line(finding.id),
                "kind": "estimate",
            }
        ],
    }


def _result(finding: FindingView, places: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": visible(finding.code),
        "ruleIndex": places[finding.code],
        "level": _level(finding),
        "message": {"text": message(
            say("sarif.result", title=finding.title, what=finding.what, reason=finding.reason))},
        "locations": [_location(finding)],
        "partialFingerprints": {"auditkitFinding/v1": hashlib.sha256(finding.id.encode()).hexdigest()},
        "properties": {
            "status": finding.status,
            "outcome": finding.word,
            "severity": finding.severity,
            "decides": finding.decides,
            **{line(fact.name): line(fact.text) for fact in finding.facts},
            "slices": {line(row.part): f"{row.word}: {line(row.value)} {line(row.worst)}" for row in finding.slices},
            "evidence": [line(link.text) for link in finding.evidence],
        },
    }


def _notifications(index: AuditIndex) -> list[dict[str, Any]]:
    """What kept the audit from measuring: errored samples and misread planted models."""
    missing = gaps(index)
    texts = [("error", missing.errored)] if missing.errored else []
    texts += [
        ("warning", say("sarif.misread", metric=reading.metric, value=reading.value, planted=reading.planted,
                        expected=reading.expected))
        for reading in missing.misread
    ]
    return [{"level": level, "message": {"text": message(text)}} for level, text in texts]


def _run(audit: Audit) -> dict[str, Any]:
    index = look_up(audit)
    findings, documented = finding_views(index), rules(index)
    places = {rule.code: number for number, rule in enumerate(documented)}
    verdict = audit.verdict
    return {
        "tool": {
            "driver": {
                "name": "auditkit",
                "version": visible(audit.environment.get("auditkit", say("sarif.no_version"))),
                "rules": [_rule(rule) for rule in documented],
            }
        },
        "automationDetails": {"id": f"auditkit/{line(audit.policy.name)}/", "description": {
            "text": message(say("sarif.run", model=audit.subject.name, audit=audit.id))}},
        "invocations": [
            {
                "executionSuccessful": verdict.status != "error",
                "exitCode": verdict.exit_code,
                "exitCodeDescription": exit_meaning(verdict),
                "toolExecutionNotifications": _notifications(index),
            }
        ],
        "results": [_result(finding, places) for finding in findings if finding.status != "pass"],
        "properties": {
            "verdict": verdict.status, "sentence": line(sentence(audit)), "policy_sha256": verdict.policy_sha256,
            "smallPrint": [line(text) for text in small_print(audit)],
        },
    }


@exporter("results.sarif")
def render(audit: Audit) -> bytes:
    """The findings that did not pass, worst first: a pure function of the audit, byte for byte."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(audit)]}
    return (json.dumps(log, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")
