"""The findings as JUnit XML, one test case each: what CI systems draw as a list of tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from auditkit.render.view.findings import FindingView, finding_views
from auditkit.render.view.index import look_up
from auditkit.render.view.verdict import sentence, small_print
from auditkit.render.view.visible import line, visible
from auditkit.render.words.catalogue import say
from auditkit.render.write.exporter import exporter
from auditkit.schema import Audit


def _element(finding: FindingView) -> str | None:
    """The element of a finding; a pass has none.

    JUnit is red exactly where the exit code is not 0: a warning that failed is skipped, as is a check that a waiver
    or the policy lets pass, and an undecided check that keeps the verdict from passing is an error, since JUnit knows
    no third state.
    """
    if finding.status == "pass":
        return None
    if not finding.red:
        return "skipped"
    return "failure" if finding.status == "fail" else "error"


def _case(suite: ET.Element, finding: FindingView) -> None:
    case = ET.SubElement(suite, "testcase", classname=f"auditkit.{line(finding.benchmark)}", name=line(finding.id))
    message = say("junit.message", title=line(finding.title), reason=line(finding.reason))
    element = _element(finding)
    if element is not None:
        outcome = ET.SubElement(case, element, type=finding.status, message=message)
        outcome.text = _details(finding)
    else:
        ET.SubElement(case, "system-out").text = f"{message}\n{_details(finding)}"


def _details(finding: FindingView) -> str:
    rows = [
        finding.what,
        say("junit.status", status=finding.word, severity=finding.severity),
        say("junit.rule", rule=finding.rule.text),
        *(say("junit.fact", name=fact.name, text=fact.text) for fact in finding.facts),
        *(say("junit.slice", part=row.part, status=row.word, value=row.value, worst=row.worst)
          for row in finding.slices),
    ]
    if finding.evidence:
        rows.append(say("junit.evidence", samples=", ".join(link.text for link in finding.evidence)))
    return "\n".join(line(row) for row in rows)


def _counts(findings: Sequence[FindingView]) -> dict[str, str]:
    elements = [_element(finding) for finding in findings]
    return {
        "tests": str(len(findings)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "skipped": str(elements.count("skipped")),
    }


def _suite(root: ET.Element, name: str, findings: Sequence[FindingView], audit: Audit) -> None:
    suite = ET.SubElement(root, "testsuite", {"name": line(name), **_counts(findings)})
    parent = ET.SubElement(suite, "properties")
    if name in audit.cut:
        ET.SubElement(parent, "property", name="cut_prompts", value=str(audit.cut[name]))
    properties = {
        "model": audit.subject.name,
        "fingerprint": audit.subject.fingerprint,
        "audit": audit.id,
        "policy": audit.verdict.policy,
        "policy_sha256": audit.verdict.policy_sha256,
        "verdict": audit.verdict.status,
        "exit_code": str(audit.verdict.exit_code),
        "sentence": sentence(audit),
        "small_print": " ".join(small_print(audit)),
    }
    for key, value in properties.items():
        ET.SubElement(parent, "property", name=key, value=visible(value))
    for finding in findings:
        _case(suite, finding)


@exporter("junit.xml")
def render(audit: Audit) -> bytes:
    """The findings, worst first within each benchmark: a pure function of the audit, byte for byte.

    A suite is a benchmark. Characters that XML 1.0 forbids are shown by a picture or their number.
    """
    findings = finding_views(look_up(audit))
    root = ET.Element("testsuites", {"name": "auditkit", **_counts(findings)})
    for name in dict.fromkeys(finding.benchmark for finding in findings):
        _suite(root, name, [finding for finding in findings if finding.benchmark == name], audit)
    ET.indent(root, " ")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"
