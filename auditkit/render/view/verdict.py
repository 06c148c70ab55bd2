"""The verdict in one sentence, for the page and for the terminal, and what stands below it in small print."""

from __future__ import annotations

from auditkit.render.view.names import joined, part_of, spaced, with_bare_arm
from auditkit.render.view.values import scale_of
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import RAW
from auditkit.schema import Audit

SHORT = 8
"""Digits of a policy's hash that are shown."""


def sentence(audit: Audit) -> str:
    """What was decided, under which policy, and by how many checks: `Passes the policy default: 7 … passed.`"""
    verdict = audit.verdict
    if verdict.status == "not_judged":
        return say("verdict.sentence.not_judged", policy=verdict.policy)
    if verdict.run < verdict.checks and verdict.status in ("pass", "inconclusive"):
        return _partly_run(audit)
    return say(
        f"verdict.sentence.{_key(audit)}", policy=policy_name(audit), tally=_tally(audit),
        checks=say(plural("verdict.checks", verdict.checks), n=str(verdict.checks)),
    )


def _key(audit: Audit) -> str:
    verdict = audit.verdict
    if verdict.status == "error" and not verdict.reasons:
        return "incomplete"
    if verdict.status == "inconclusive" and verdict.exit_code == 0:
        return "no_failure"
    if verdict.unjudged and audit.estimates:
        return "no_checks"
    return "nothing_decided" if verdict.status == "inconclusive" and not verdict.reasons else verdict.status


def policy_name(audit: Audit) -> str:
    """The policy, the packs whose checks it joins where the audit names them, and its hash: `default (3fa2c1d0)`."""
    policy = audit.verdict.policy
    short = audit.verdict.policy_sha256[:SHORT]
    packs = sorted({check.benchmark for check in audit.policy.checks}) if policy == "packs" else []
    parts = ", ".join([*packs, *([short] if short else [])])
    return say("verdict.policy", policy=policy, parts=parts) if parts else policy


def small_print(audit: Audit) -> tuple[str, ...]:
    """The largest harm that is not excluded, which planted answerers were run, and what the records cannot show."""
    return (*_harm(audit), *_selftest(audit), *_unseen(audit))


def _partly_run(audit: Audit) -> str:
    """`2 of 7 checks of policy default were run, and passed.`"""
    verdict, counts = audit.verdict, audit.verdict.counts
    passed = counts.get("pass", 0) == verdict.run and verdict.run > 0
    rest = say("verdict.run.passed") if passed else say("verdict.run.tally", tally=_tally(audit))
    key = "verdict.run" if verdict.run else "verdict.run.none" if audit.estimates else "verdict.run.nothing"
    text = say(key, run=str(verdict.run), checks=str(verdict.checks), policy=policy_name(audit), rest=rest)
    return say("verdict.run.no_failure", text=text) if verdict.exit_code == 0 else text


def _tally(audit: Audit) -> str:
    """`5 passed, 1 waived, 2 undecided and let pass`: every blocking check, by what became of it."""
    verdict = audit.verdict
    numbers = {**verdict.counts, "inconclusive": verdict.counts.get("inconclusive", 0) - verdict.let_pass}
    parts = [
        say(f"verdict.part.{status}", n=str(numbers[status]))
        for status in ("fail", "error", "inconclusive", "pass", "waived", "not_applicable", "not_run")
        if numbers.get(status)
    ]
    if verdict.let_pass:
        parts.append(say("verdict.part.let_pass", n=str(verdict.let_pass)))
    return ", ".join(parts)


def _harm(audit: Audit) -> tuple[str, ...]:
    harm = audit.verdict.harm
    if harm is None:
        return ()
    estimate = next((item for item in audit.estimates if item.id == harm.estimate), None)
    scale = RAW if estimate is None else scale_of(estimate)
    metric = with_bare_arm(spaced(harm.estimate.metric), harm.estimate.arm)
    fields = {"harm": scale.full(harm.value), "metric": metric, "benchmark": harm.estimate.benchmark}
    return (say("verdict.harm", part=part_of(harm.estimate), **fields),)


def _selftest(audit: Audit) -> tuple[str, ...]:
    planted = sorted({reading.planted for reading in audit.selftest})
    return (say("verdict.planted", planted=joined(planted)) if planted else say("verdict.no_planted"),)


def _unseen(audit: Audit) -> tuple[str, ...]:
    """Answers that were made elsewhere: nothing here shows that they are the first, or all."""
    scheme = audit.config.model.partition(":")[0]
    return (say(f"verdict.unseen.{scheme}"),) if scheme in ("predictions", "openai", "python") else ()
