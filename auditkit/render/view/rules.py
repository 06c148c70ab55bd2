"""What the rules say: titles and documentation, in the chosen language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditkit.render.view.anchors import rule_anchor
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import capital, spaced
from auditkit.render.words.catalogue import in_language, say, words
from auditkit.schema import Audit, Finding, RuleText


@dataclass(frozen=True)
class RuleView:
    """A rule's documentation."""

    anchor: str
    code: str
    text: RuleText


def rule_text(code: str, brought: Mapping[str, RuleText] | None = None) -> RuleText | None:
    """The words of a rule, of the catalogue or, by language, those that it brought; `None` where there are none."""
    if f"rules.{code}.name" in words().sentences:
        keys = ("name", "passing", "failing", "inconclusive", "what", "why", "example", "todo")
        texts = {key: say(f"rules.{code}.{key}") for key in keys}
        return RuleText(**texts, references=tuple(say(f"rules.{code}.references").splitlines()))
    return in_language(brought or {})


def text_of(finding: Finding, audit: Audit) -> RuleText:
    """The words of a finding's rule; a plain stand-in for a rule that has none."""
    text = rule_text(finding.rule, audit.rule_words.get(finding.rule))
    if text is not None:
        return text
    metric = spaced(finding.check.metric)
    fields = {"metric": metric, "capital_metric": capital(metric), "benchmark": finding.check.benchmark}
    names = ("passing", "failing", "inconclusive", "what", "why", "todo")
    texts = {name: say(f"plugin_rules.{name}", **fields) for name in names}
    return RuleText(name=finding.check.metric.replace("_", "-"), **texts)


def finding_title(finding: Finding, audit: Audit) -> str:
    """The title for the finding's status."""
    text = text_of(finding, audit)
    if finding.cause == "waived":
        return say("findings.title.waived", rule=text.name.replace("-", " "))
    if finding.status in ("pass", "fail", "inconclusive"):
        return {"pass": text.passing, "fail": text.failing, "inconclusive": text.inconclusive}[finding.status]
    return say(f"findings.title.{finding.status}", rule=text.name.replace("-", " "))


def rules(index: AuditIndex) -> tuple[RuleView, ...]:
    """The documentation of each rule that has a finding, by code."""
    texts = {finding.rule: text_of(finding, index.audit) for finding in index.audit.findings}
    return tuple(RuleView(rule_anchor(code), code, texts[code]) for code in sorted(texts))
