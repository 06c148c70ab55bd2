"""The findings as JUnit XML, one test case each: what CI systems draw as a list of tests."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from auditkit.render.view.findings import FindingView, finding_views
from auditkit.render.view.index import look_up
from auditkit.render.view.results import unchecked
from auditkit.render.view.values import scale_of
from auditkit.render.view.verdict import sentence, small_print
from auditkit.render.view.visible import line, visible
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count
from auditkit.render.write.exporter import exporter
from auditkit.schema import Audit, Estimate

_OUTCOMES = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""Attribute of a suite to the element that it counts."""


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


def _unchecked(suite: ET.Element, estimate: Estimate) -> None:
    """An estimate that no check bounds: skipped, with its value."""
    scale = scale_of(estimate)
    message = say(
        "results.unchecked", value=scale.full(estimate.value), interval=scale.interval(estimate.low, estimate.high),
        n=count(estimate.n),
    )
    case = ET.SubElement(
        suite, "testcase", classname=f"auditkit.{line(estimate.id.benchmark)}", name=line(str(estimate.id))
    )
    ET.SubElement(case, "skipped", type="not_judged", message=message)


def _nothing_judged(suite: ET.Element, audit: Audit) -> None:
    """The one case that is red where no check says why the exit code is not 0."""
    case = ET.SubElement(suite, "testcase", classname="auditkit.policy", name=line(audit.verdict.policy))
    ET.SubElement(case, "error", type=audit.verdict.status, message=line(sentence(audit)))


def _count(element: ET.Element) -> None:
    """Write the number of its cases, by outcome, into an element."""
    counts = {name: len(element.findall(f".//testcase/{tag}")) for name, tag in _OUTCOMES.items()}
    for name, number in {"tests": len(element.findall(".//testcase")), **counts}.items():
        element.set(name, str(number))


def _suite(root: ET.Element, name: str, audit: Audit) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", {"name": line(name)})
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
    return suite


@exporter("junit.xml")
def render(audit: Audit) -> bytes:
    """The findings, worst first within each benchmark, then what no check bounds: a pure function of the audit.

    A suite is a benchmark. Characters that XML 1.0 forbids are shown by a picture or their number.
    """
    index = look_up(audit)
    findings, estimates = finding_views(index), unchecked(index)
    root = ET.Element("testsuites", {"name": "auditkit"})
    benchmarks = [*(finding.benchmark for finding in findings), *(estimate.id.benchmark for estimate in estimates)]
    for name in dict.fromkeys(benchmarks):
        suite = _suite(root, name, audit)
        for finding in findings:
            if finding.benchmark == name:
                _case(suite, finding)
        for estimate in estimates:
            if estimate.id.benchmark == name:
                _unchecked(suite, estimate)
    if audit.verdict.exit_code and not any(finding.red for finding in findings):
        _nothing_judged(_suite(root, audit.verdict.policy, audit), audit)
    for element in (root, *root):
        _count(element)
    ET.indent(root, " ")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"
