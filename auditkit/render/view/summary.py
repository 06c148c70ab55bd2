"""The last lines of an audit on the terminal: the checks, and what was not measured."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.names import REASONS, with_groups
from auditkit.render.view.rules import twin_note
from auditkit.render.view.unjudged import left_unjudged
from auditkit.render.view.values import gated
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import DASH
from auditkit.schema import Audit, Estimate, Finding, Status

LISTED = 3
"""Most errored samples that are listed."""


@dataclass(frozen=True)
class CheckLine:
    """One check."""

    status: Status
    mark: str
    """The status in capitals."""
    text: str


def check_lines(audit: Audit) -> tuple[CheckLine, ...]:
    """A line for each finding that blocks or did not pass, with the interval that was gated and, where it did not pass,
    why. What the data decided comes first. Where nothing was judged there are none: the sentence says so, and the
    checks are counted by pack among what was not measured."""
    if audit.verdict.unjudged:
        return ()
    estimates = {estimate.id: estimate for estimate in audit.estimates}
    return tuple(
        CheckLine(finding.status, _mark(finding), _check(finding, estimates.get(finding.about), audit))
        for finding in sorted(audit.findings, key=_rank) if finding.blocks or finding.status != "pass"
    )


def _rank(finding: Finding) -> int:
    """Failures that block, errors, passes, then the rest; each in the policy's order, since sorting is stable."""
    if finding.status == "fail":
        return 0 if finding.blocks else 3
    return {"error": 1, "pass": 2}.get(finding.status, 3)


def _mark(finding: Finding) -> str:
    """The status in capitals; what only warns, or is let pass, says so."""
    if finding.let_pass and finding.blocks:
        return say("summary.mark.let_pass")
    if finding.status == "fail" and not finding.blocks:
        return say("summary.mark.warning")
    return say(f"summary.mark.{finding.status}")


def _check(finding: Finding, estimate: Estimate | None, audit: Audit) -> str:
    what = str(finding.about) if estimate is None else gated_line(finding, estimate)
    if finding.slices:
        counted = say("summary.slices", n=str(len(finding.slices)), keys=finding.check.each_of)
        what = say("summary.worst_of", what=what, slices=counted)
    if finding.status == "pass":
        twin = twin_note(finding, audit)
        return say("summary.check", rule=finding.rule, what=what) + (f"  ({twin})" if twin else "")
    why = say(f"summary.why.{finding.cause}")
    if not finding.blocks:
        why = say("summary.not_blocking", why=why)
    return say("summary.check.why", rule=finding.rule, what=what, why=why)


def gated_line(finding: Finding, estimate: Estimate) -> str:
    """`id  value [low, high]  n=… clusters=…`, with the worst-case interval at the check's level, which was gated."""
    return _line(estimate, *gated(finding, estimate))


def estimate_line(estimate: Estimate) -> str:
    """`id  value [low, high]  n=… clusters=…`, for people and for those who search the lines of a log."""
    return _line(estimate, estimate.low, estimate.high)


def _line(estimate: Estimate, low: float | None, high: float | None) -> str:
    """The numbers of an estimate; of a contrast also the groups that it lies between."""
    line = say(
        "summary.estimate", estimate=str(estimate.id), value=decimal(estimate.value), low=decimal(low),
        high=decimal(high), n=str(estimate.n), clusters=str(estimate.clusters),
    )
    return with_groups(line, estimate)


def decimal(value: float | None) -> str:
    """A number with three decimals; a dash where it is undefined."""
    return DASH if value is None else f"{value:.3f}"


def not_measured(audit: Audit) -> tuple[str, ...]:
    """Everything that was not measured, and why, a line each; none where nothing was left out."""
    return (
        *(say("summary.not_applicable", pack=pack, reason=reason)
          for pack, reason in sorted(audit.not_applicable.items())),
        *(_unscored(estimate) for estimate in audit.estimates if estimate.id.pooled and _lost(estimate)),
        *cut_prompts(audit),
        *_errored(audit),
        *(say("summary.sampled", pack=pack, n=str(rows), total=str(total))
          for pack, (rows, total) in audit.sampled.items() if rows < total),
        *_not_explained(audit),
        *left_unjudged(audit),
        *(say("summary.misread", estimate=str(reading.estimate), planted=reading.planted)
          for reading in audit.selftest if not reading.ok),
    )


def _lost(estimate: Estimate) -> list[str]:
    """`3 refused`, for each reason, sorted by reason; samples outside the denominator only where none lies inside."""
    return [
        say("terms.unscored", n=str(estimate.unscored[reason]), reason=say(f"terms.reason.{reason}"))
        for reason in sorted(REASONS)
        if estimate.unscored.get(reason) and (reason != "outside" or estimate.n == 0)
    ]


def _unscored(estimate: Estimate) -> str:
    total = str(estimate.total)
    if estimate.not_applicable is not None:
        return say("summary.no_such_number", estimate=str(estimate.id), reason=estimate.not_applicable)
    return say("summary.unscored", estimate=str(estimate.id), reasons=", ".join(_lost(estimate)), total=total)


def cut_prompts(audit: Audit) -> tuple[str, ...]:
    """A line for each pack of which the model did not read every prompt whole."""
    allowed = {card.name for card in audit.benchmarks if card.allow_cut}
    return tuple(
        say(
            "summary.cut.allowed" if pack in allowed else "summary.cut", pack=pack, n=str(number),
            total=str(audit.sampled[pack][0]) if pack in audit.sampled else "?",
        )
        for pack, number in sorted(audit.cut.items())
    )


def _errored(audit: Audit) -> list[str]:
    listed = list(audit.errors.items())[:LISTED] if audit.errored else []
    lines = [say("summary.errored", sample=sample, error=error) for sample, error in listed]
    more = audit.errored - len(listed)
    return lines + ([say(plural("summary.more_errored", more), n=str(more))] if more > 0 else [])


def _not_explained(audit: Audit) -> list[str]:
    if not audit.not_explained:
        return []
    number, reason = len(audit.not_explained), next(iter(audit.not_explained.values()))
    return [say(plural("summary.not_explained", number), n=str(number), reason=reason)]
