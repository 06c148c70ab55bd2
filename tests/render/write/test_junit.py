"""JUnit XML, read back by junitparser and by the standard library."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from auditkit.render.write import junit
from auditkit.schema import Audit, Finding

BLOCKING = {"fail": Failure, "error": Error, "inconclusive": Error, "not_applicable": Error, "not_run": Error,
            "waived": Skipped, "pass": None}


def kind(finding: Finding) -> Any:
    """Red exactly where the finding keeps the verdict from passing."""
    check = finding.check
    allowed = (finding.status == "not_applicable" and check.allow_not_applicable) or (
        finding.status == "inconclusive" and check.inconclusive == "pass"
    )
    if finding.status != "pass" and (check.severity != "block" or allowed):
        return Skipped
    return BLOCKING[finding.status]


@pytest.fixture(scope="module")
def cases(audit: Audit) -> dict[str, Any]:
    suites = JUnitXml.fromstring(junit.render(audit))
    return {case.name: case for suite in suites for case in suite}


def test_same_audit_same_bytes(audit: Audit) -> None:
    assert junit.render(audit) == junit.render(Audit.model_validate_json(audit.model_dump_json()))


def test_one_case_a_finding_with_the_element_of_its_status(cases: dict[str, Any], audit: Audit) -> None:
    assert set(cases) == {finding.id for finding in audit.findings}
    for finding in audit.findings:
        results = cases[finding.id].result
        assert [type(one) for one in results] == [one for one in [kind(finding)] if one]
        assert all(one.message and one.type == finding.status for one in results)


def test_counts(audit: Audit) -> None:
    whole = JUnitXml.fromstring(junit.render(audit))
    kinds = [kind(finding) for finding in audit.findings]
    assert {Failure, Error, Skipped, None} == set(kinds)
    assert (whole.tests, whole.failures, whole.errors) == (len(kinds), kinds.count(Failure), kinds.count(Error))
    assert whole.skipped == kinds.count(Skipped)
    assert sum(suite.tests for suite in whole) == len(kinds)
    for suite in whole:
        counted = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert counted == (suite.tests, suite.failures, suite.errors, suite.skipped)


def test_the_verdict_travels_with_each_suite(audit: Audit) -> None:
    for suite in JUnitXml.fromstring(junit.render(audit)):
        known = {one.name: one.value for one in suite.properties()}
        assert (known["verdict"], known["exit_code"], known["audit"]) == ("fail", "1", audit.id)


def test_messages_hold_the_numbers(cases: dict[str, Any]) -> None:
    failed = cases["AK101 ambiguous-qa/accuracy@disambiguated[age:gap]"].result[0]
    assert failed.message == (
        "Accuracy differs between groups by more than the limit: The whole worst-case interval [10.0, 37.6] lies "
        "outside the limit (at most 5.0 points)."
    )
    assert "Samples: 108 scored of 108" in failed.text


def test_a_waived_finding_claims_no_more_than_it_knows(cases: dict[str, Any]) -> None:
    (told,) = cases["AK101 ambiguous-qa/accuracy@disambiguated[gender:gap]"].result
    assert told.message.startswith("Accepted by a waiver: group accuracy gap: ")
    assert "fairness board accepted that" in told.message


def test_each_slice_is_a_line_of_its_check(cases: dict[str, Any]) -> None:
    (told,) = cases["AK103 ambiguous-qa/bias_score@ambiguous each axis"].result
    assert told.text.count("Slice axis ") == 9


def test_nothing_is_red_where_the_exit_code_is_0(audit: Audit) -> None:
    verdict = audit.verdict.model_copy(update={"status": "inconclusive", "exit_code": 0})
    undecided = tuple(finding for finding in audit.findings if finding.status not in ("fail", "error"))
    whole = JUnitXml.fromstring(junit.render(audit.model_copy(update={"verdict": verdict, "findings": undecided})))
    assert (whole.failures, whole.errors) == (0, 0)


def test_hostile_text(poisoned: Audit) -> None:
    data = junit.render(poisoned)
    root = ET.fromstring(data)
    assert {one.tag for one in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out", "properties", "property"}
    names = [one.get("name", "") for one in root.iter("testcase")]
    assert any("</script><script>alert(1)</script> {{ 7*7 }}" in name and "⟦U+202E⟧gnp.exe" in name for name in names)
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", data.decode("utf-8"))
    assert len(list(JUnitXml.fromstring(data))) >= 1


def test_an_audit_without_findings(audit: Audit) -> None:
    whole = JUnitXml.fromstring(junit.render(audit.model_copy(update={"findings": ()})))
    assert (whole.tests, whole.skipped, whole.errors) == (len(audit.estimates) + 1, len(audit.estimates), 1)
