"""The last lines of an audit on the terminal: the checks, and what was not measured."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.names import REASONS
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import DASH
from auditkit.schema import Audit, Estimate, Finding, Status

LISTED = 3
"""Most errored samples that are listed."""


@dataclass(frozen=True)
class CheckLine:
    """One blocking check."""

    status: Status
    mark: str
    """The status in capitals."""
    text: str


def check_lines(audit: Audit) -> tuple[CheckLine, ...]:
    """A line for each blocking finding, with its estimate and, where it did not pass, why."""
    estimates = {estimate.id: estimate for estimate in audit.estimates}
    return tuple(
        CheckLine(finding.status, say(f"summary.mark.{finding.status}"),
                  _check(finding, estimates.get(finding.check.estimate)))
        for finding in audit.findings if finding.blocks
    )


def _check(finding: Finding, estimate: Estimate | None) -> str:
    what = finding.id if estimate is None else estimate_line(estimate)
    if finding.status == "pass":
        return say("summary.check", rule=finding.rule, what=what)
    return say("summary.check.why", rule=finding.rule, what=what, why=say(f"summary.why.{finding.cause}"))


def warnings(audit: Audit) -> str:
    """How many checks that only warn did not hold; empty where all did."""
    ids = [finding.id for finding in audit.findings if not finding.blocks and finding.status in ("fail", "error")]
    return say(plural("summary.warnings", len(ids)), n=str(len(ids)), first=ids[0]) if ids else ""


def estimate_line(estimate: Estimate) -> str:
    """`id  value [low, high]  n=… clusters=…`, for people and for those who search the lines of a log."""
    return say(
        "summary.estimate", estimate=str(estimate.id), value=decimal(estimate.value), low=decimal(estimate.low),
        high=decimal(estimate.high), n=str(estimate.n), clusters=str(estimate.clusters),
    )


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
