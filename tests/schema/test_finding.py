"""Which findings keep a verdict from passing: one rule for the gate, the page, JUnit and SARIF."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.schema import Check, Finding, Status

HELD: list[tuple[Status, dict[str, Any], bool]] = [
    ("pass", {}, False), ("fail", {}, True), ("error", {}, True), ("inconclusive", {}, True),
    ("inconclusive", {"inconclusive": "pass"}, False), ("not_applicable", {}, True),
    ("not_applicable", {"allow_not_applicable": True}, False), ("fail", {"severity": "warn"}, False),
    ("error", {"severity": "info"}, False), ("fail", {"inconclusive": "pass", "allow_not_applicable": True}, True),
]


@pytest.mark.parametrize(("status", "fields", "held"), HELD)
def test_what_holds_a_verdict_back(status: Status, fields: dict[str, Any], held: bool) -> None:
    check = Check.model_validate({"rule": "AK201", "benchmark": "p", "metric": "m", "arm": "a", "bound": 1, **fields})
    finding = Finding(id=check.finding, rule=check.rule, status=status, cause="cleared", check=check)
    assert finding.holds_back == held
