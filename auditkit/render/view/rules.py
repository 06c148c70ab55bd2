"""What the rules say: titles and documentation, in the chosen language."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.anchors import rule_anchor
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import capital, spaced
from auditkit.render.words.catalogue import say, words
from auditkit.schema import Finding


@dataclass(frozen=True)
class RuleText:
    """The words of one rule. A rule is data over one threshold function."""

    code: str
    """e.g. `AK102`."""
    name: str
    """The failing noun, e.g. `stereotype-preference`."""
    passing: str
    """Title of a finding that passed."""
    failing: str
    """Title of a finding that failed."""
    inconclusive: str
    """Title of a finding that the data do not decide."""
    what: str
    """What the rule does."""
    why: str
    """Why a failure is bad."""
    example: str
    """A failure that a reader can picture."""
    todo: str
    """What to do about a failure."""
    references: tuple[str, ...]
    """Where the measure and the argument come from."""


@dataclass(frozen=True)
class RuleView:
    """A rule's documentation."""

    anchor: str
    text: RuleText


def codes() -> list[str]:
    """The codes of all rules that have words, sorted."""
    return sorted(key.split(".")[1] for key in words().sentences if key.startswith("rules.") and key.endswith(".name"))


def rule_text(code: str) -> RuleText | None:
    """The words of a rule; `None` for one that no catalogue describes."""
    if f"rules.{code}.name" not in words().sentences:
        return None
    names = ("name", "passing", "failing", "inconclusive", "what", "why", "example", "todo")
    texts = {name: say(f"rules.{code}.{name}") for name in names}
    return RuleText(code=code, **texts, references=tuple(say(f"rules.{code}.references").splitlines()))


def text_of(finding: Finding) -> RuleText:
    """The words of a finding's rule; a plain stand-in for a rule that no catalogue describes."""
    text = rule_text(finding.rule)
    if text is not None:
        return text
    metric = spaced(finding.check.metric)
    fields = {"metric": metric, "capital_metric": capital(metric), "benchmark": finding.check.benchmark}
    names = ("passing", "failing", "inconclusive", "what", "why", "todo")
    texts = {name: say(f"plugin_rules.{name}", **fields) for name in names}
    name = finding.check.metric.replace("_", "-")
    return RuleText(code=finding.rule, name=name, **texts, example="", references=())


def finding_title(finding: Finding) -> str:
    """The title for the finding's status."""
    text = text_of(finding)
    if finding.cause == "waived":
        return say("findings.title.waived", rule=text.name.replace("-", " "))
    if finding.status in ("pass", "fail", "inconclusive"):
        return {"pass": text.passing, "fail": text.failing, "inconclusive": text.inconclusive}[finding.status]
    return say(f"findings.title.{finding.status}", rule=text.name.replace("-", " "))


def rules(index: AuditIndex) -> tuple[RuleView, ...]:
    """The documentation of each rule that has a finding, by code."""
    texts = {finding.rule: text_of(finding) for finding in index.audit.findings}
    return tuple(RuleView(rule_anchor(code), texts[code]) for code in sorted(texts))
