"""The top of the page: the decision, and of which model, when, on how much."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.facts import Fact, Link
from auditkit.render.view.findings import FindingView
from auditkit.render.view.verdict import policy_name, sentence, small_print
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import count, share
from auditkit.schema import Audit, Status, Verdict

TALLY: tuple[Status, ...] = ("fail", "error", "inconclusive", "not_run", "waived", "pass", "not_applicable")
"""Statuses in the order of the tally."""


@dataclass(frozen=True)
class VerdictView:
    """The decision."""

    status: Status
    """Its colour and shape."""
    word: str
    sentence: str
    exit: str
    small_print: tuple[str, ...]
    reasons: tuple[Link, ...]
    tally: tuple[tuple[Status, str], ...]
    """Status and `3 fail`, for each status that occurs."""


@dataclass(frozen=True)
class Masthead:
    """Which model, when, on how much, with which seed and policy."""

    model: str
    facts: tuple[Fact, ...]
    date: str
    """Human form; empty where nothing was observed."""
    datetime: str
    audit: str


def verdict(audit: Audit, findings: tuple[FindingView, ...]) -> VerdictView:
    """The decision in words, with a count of each status."""
    decision = audit.verdict
    by_id = {finding.id: finding for finding in findings}
    tally = []
    for status in TALLY:
        number = sum(finding.status == status for finding in findings)
        if number:
            tally.append((status, say(plural(f"verdict.tally.{status}", number), n=count(number))))
    return VerdictView(
        status="not_applicable" if decision.status == "not_judged" else decision.status,
        word=verdict_word(audit),
        sentence=sentence(audit),
        exit=say("verdict.exit", code=str(decision.exit_code), meaning=exit_meaning(decision)),
        small_print=small_print(audit),
        reasons=tuple(Link("#" + by_id[name].anchor, by_id[name].title) for name in decision.reasons if name in by_id),
        tally=tuple(tally),
    )


def verdict_word(audit: Audit) -> str:
    """The decision in one word: `Pass`."""
    status = "not_judged" if audit.verdict.unjudged and audit.estimates else audit.verdict.status
    return say(f"verdict.word.{status}")


def exit_meaning(verdict: Verdict) -> str:
    """What the exit code says: `every blocking check passed`."""
    if verdict.exit_code == 3 and verdict.unjudged:
        return say("verdict.exit.3.unjudged")
    excused = verdict.exit_code == 0 and verdict.status != "pass"
    return say(f"verdict.exit.0.{verdict.status}" if excused else f"verdict.exit.{verdict.exit_code}")


def masthead(audit: Audit) -> Masthead:
    """Which model, when, on how much, with which seed and policy."""
    subject = audit.subject
    rows = sum(part for part, _ in audit.sampled.values())
    total = sum(all_rows for _, all_rows in audit.sampled.values())
    facts = [
        Fact(say("masthead.fact.revision"), _revision(subject.parts)),
        Fact(say("masthead.fact.fingerprint"), subject.fingerprint[:16]),
        Fact(say("masthead.fact.family"), subject.kind),
    ]
    if subject.parameters is not None:
        facts.append(Fact(say("masthead.fact.weights"), count(subject.parameters)))
    if subject.dtype is not None or subject.device is not None:
        arithmetic = ", ".join(name for name in (subject.dtype, subject.device) if name)
        facts.append(Fact(say("masthead.fact.arithmetic"), arithmetic))
    samples = say("masthead.samples", n=count(rows), total=count(total), share=share(rows, total))
    facts += [
        Fact(say("masthead.fact.samples"), samples),
        Fact(say("masthead.fact.seed"), str(audit.config.seed)),
        Fact(say("masthead.fact.policy"), policy_name(audit)),
    ]
    moment = audit.observed.finished if audit.observed else ""
    return Masthead(subject.name, tuple(facts), _date(moment), moment, audit.id)


def _revision(parts: dict[str, str]) -> str:
    return next((parts[key] for key in sorted(parts) if "revision" in key), say("terms.not_recorded"))


def _date(moment: str) -> str:
    """`2025-03-01T09:30:00+00:00` → `2025-03-01 09:30 UTC`."""
    if len(moment) < 16:
        return moment
    return say("masthead.date", day=moment[:10], time=moment[11:16])
