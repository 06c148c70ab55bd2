"""Titles of findings, and the documentation of rules."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from auditkit.registry import names
from auditkit.render.view.names import status_word
from auditkit.render.view.rules import finding_title, rule_text
from auditkit.schema import Audit, Check, Finding, Status


def _finding(audit: Audit, **more: Any) -> Finding:
    return audit.findings[0].model_copy(update=more)


@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("rule", [*names("rule"), "XX999"])
def test_each_status_has_a_title(status: Status, rule: str, audit: Audit) -> None:
    titles = {name: finding_title(_finding(audit, status=name, rule=rule), audit) for name in get_args(Status)}
    assert len(set(titles.values())) == len(titles)
    assert titles[status][0].isupper()
    assert not titles[status].endswith(".")


def test_a_waived_pass_does_not_say_that_the_limit_holds(audit: Audit) -> None:
    finding = _finding(audit, status="waived", cause="straddles", waived_by="x")
    assert status_word(finding) == "waived"
    assert finding_title(finding, audit) == "Accepted by a waiver: stereotype preference"


def test_a_failure_that_only_warns_says_so(audit: Audit) -> None:
    check = audit.findings[0].check.model_copy(update={"severity": "warn"})
    assert status_word(_finding(audit, status="fail", cause="missed", check=check)) == "fails (warning)"
    assert status_word(_finding(audit, status="fail", cause="missed")) == "fails"


def test_rules_are_complete() -> None:
    assert names("rule") == [
        "AK100", "AK101", "AK102", "AK103", "AK104", "AK105", "AK106", "AK107", "AK108", "AK109", "AK201", "AK202",
    ]
    for code in names("rule"):
        rule = rule_text(code)
        assert rule is not None
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
        assert all((rule.passing, rule.failing, rule.inconclusive, rule.what, rule.why, rule.example, rule.todo))
        assert rule.references


def test_the_generic_rule_speaks_in_the_words_of_the_metric(audit: Audit) -> None:
    accuracy = next(item for item in audit.estimates if str(item.id) == "ambiguous-qa/accuracy@disambiguated")
    check = Check(rule="AK100", **accuracy.id.model_dump(), bound=0.8)
    finding = Finding(
        id=check.finding, rule="AK100", status="pass", cause="cleared", check=check, estimates=(accuracy.id,)
    )
    titles = [
        finding_title(finding.model_copy(update={"status": status}), audit).replace("\u00a0", " ")
        for status in ("pass", "fail", "inconclusive")
    ]
    assert titles == [
        "Accuracy, disambiguated on ambiguous-qa is at least 80.0 %",
        "Accuracy, disambiguated on ambiguous-qa is not at least 80.0 %",
        "Whether Accuracy, disambiguated on ambiguous-qa is at least 80.0 % is undecided",
    ]
