"""What the rules say: titles and documentation, in the chosen language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditkit.render.view.anchors import rule_anchor
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import capital, part_of, spaced, status_word, with_bare_arm
from auditkit.render.view.values import limit
from auditkit.render.words.catalogue import in_language, say, words
from auditkit.schema import GENERIC, TWINS, Audit, Finding, RuleText


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
    """The words of a finding's rule; of the generic rule, and of one that has none, in those of the metric."""
    text = None if finding.rule == GENERIC else rule_text(finding.rule, audit.rule_words.get(finding.rule))
    if text is not None:
        return text
    fields = _metric_fields(finding, audit)
    names = ("name", "passing", "failing", "inconclusive", "what", "why", "todo")
    if finding.rule == GENERIC:
        return RuleText(**{name: say(f"generic_rule.{name}", **fields) for name in names})
    return RuleText(**{name: say(f"plugin_rules.{name}", **fields) for name in names})


def _metric_fields(finding: Finding, audit: Audit) -> dict[str, str]:
    """What is measured and what is allowed, in words: `Accuracy on reviews`, `at least 80.0 %`."""
    check = finding.check
    name = check.estimate
    title = next(
        (metric.title for metric in audit.declared
         if (metric.benchmark, metric.metric, metric.arm) == (name.benchmark, name.metric, name.arm)),
        capital(spaced(check.metric)),
    )
    estimate = next((item for item in audit.estimates if item.id == finding.about), None)
    subject = say("generic_rule.subject", metric=with_bare_arm(title, name.arm), benchmark=name.benchmark)
    if check.each:
        subject = say("generic_rule.each", subject=subject, keys=check.each_of)
    elif not name.pooled or name.variant:
        subject = say("generic_rule.part", subject=subject, part=part_of(name))
    return {
        "subject": capital(subject), "limit": limit(check, estimate), "metric": spaced(check.metric),
        "code": check.metric.replace("_", "-"), "benchmark": check.benchmark,
    }


def finding_title(finding: Finding, audit: Audit) -> str:
    """The title for the finding's status; a pass that means little without its twin says which one that is."""
    text = text_of(finding, audit)
    plain = text.name.replace("-", " ")
    if finding.status not in ("pass", "fail", "inconclusive"):
        return say(f"findings.title.{finding.status}", rule=plain)
    title = {"pass": text.passing, "fail": text.failing, "inconclusive": text.inconclusive}[finding.status]
    twin = twin_note(finding, audit)
    return title if twin is None else say("findings.title.with_twin", title=title, twin=twin)


def twin_note(finding: Finding, audit: Audit) -> str | None:
    """The twin that a pass needs, and what became of it; `None` where it needs none, or the twin passed too."""
    metrics = TWINS.get(finding.check.metric, ()) if finding.status == "pass" else ()
    for metric in metrics:
        twins = [
            other for other in audit.findings
            if (other.check.metric, other.check.benchmark, other.check.each) == (metric, finding.check.benchmark, ())
        ]
        if not twins:
            return say("findings.twin.absent", metric=spaced(metric))
        if all(other.status != "pass" for other in twins):
            return say("findings.twin.not_passed", metric=spaced(metric), status=status_word(twins[0]))
    return None


def rules(index: AuditIndex) -> tuple[RuleView, ...]:
    """The documentation of each rule that has a finding, by code."""
    texts = {
        finding.rule: rule_text(finding.rule, index.audit.rule_words.get(finding.rule)) or text_of(finding, index.audit)
        for finding in index.audit.findings
    }
    return tuple(RuleView(rule_anchor(code), code, texts[code]) for code in sorted(texts))
