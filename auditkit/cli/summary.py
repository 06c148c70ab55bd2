"""The last lines of an audit: the verdict, what was not measured, and where the page is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditkit.pipeline.audit import Finished
    from auditkit.schema import Audit, Estimate, EstimateId, Finding

MARKS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "UNDECIDED", "error": "ERROR", "not_applicable": "N/A"}
COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "magenta", "not_applicable": "blue"}


def number(value: float | None) -> str:
    """A number with three decimals; a dash where it is undefined."""
    return "–" if value is None else f"{value:.3f}"


def estimate_line(estimate: Estimate) -> str:
    """`id value [low, high] n=… clusters=…`."""
    return (
        f"{estimate.id}  {number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]  "
        f"n={estimate.n} clusters={estimate.clusters}"
    )


def print_findings(audit: Audit) -> None:
    """One line a blocking finding, with its estimate; then how many others warn."""
    estimates = {estimate.id: estimate for estimate in audit.estimates}
    for finding in audit.findings:
        if finding.blocks:
            click.echo(f"  {_mark(finding)} {finding.rule}  {_what(finding, estimates)}")
    warned = [f for f in audit.findings if not f.blocks and f.status in ("fail", "error")]
    if warned:
        click.echo(f"  and {len(warned)} warning check(s) did not hold, e.g. {warned[0].id}")


def _what(finding: Finding, estimates: dict[EstimateId, Estimate]) -> str:
    estimate = estimates.get(finding.check.estimate)
    text = finding.id if estimate is None else estimate_line(estimate)
    return text if finding.status == "pass" else f"{text}  ({finding.cause.replace('_', ' ')})"


def _mark(finding: Finding) -> str:
    return click.style(f"{MARKS[finding.status]:9}", fg=COLOURS[finding.status], bold=True)


def print_not_measured(audit: Audit) -> None:
    """Everything that was not measured, and why."""
    lines = [f"{pack}: {reason}" for pack, reason in sorted(audit.not_applicable.items())]
    for estimate in audit.estimates:
        lost = {reason: n for reason, n in estimate.unscored.items() if reason != "outside" and n}
        if lost and estimate.id.pooled:
            counted = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in sorted(lost.items()))
            lines.append(f"{estimate.id}: {counted} of {estimate.total} samples")
    if audit.errored:
        first = list(audit.errors.items())[:3]
        lines += [f"{sample}: {error}" for sample, error in first]
        if audit.errored > len(first):
            lines.append(f"… and {audit.errored - len(first)} more samples errored")
    lines += [f"{pack}: {rows} of {total} rows were sampled" for pack, (rows, total) in audit.sampled.items()
              if rows < total]
    if audit.not_explained:
        lines.append(f"{len(audit.not_explained)} cited sample(s) have no attribution, e.g. "
                     + next(iter(audit.not_explained.values())))
    wrong = [reading for reading in audit.selftest if not reading.ok]
    lines += [f"self-test: {r.estimate} misreads planted:{r.planted}" for r in wrong]
    click.echo("Not measured:" if lines else "Not measured: nothing was left out.")
    for line in lines:
        click.echo(f"  {line}")


def print_verdict(audit: Audit, page: str, seal: str) -> None:
    """The verdict, its findings, what was not measured, the seal and the page."""
    from auditkit.render.view.verdict import sentence

    click.echo(click.style(sentence(audit), bold=True, fg=COLOURS[audit.verdict.status]))
    print_findings(audit)
    print_not_measured(audit)
    click.echo(f"Seal:  {seal}")
    click.echo(f"Page:  {page}")


def print_finished(finished: Finished, *, as_json: bool) -> int:
    """The verdict of an audit that has just ended, or its audit.json.

    Returns:
        The verdict's exit code.
    """
    if as_json:
        click.echo(finished.folder.audit.read_text(encoding="utf-8"), nl=False)
    else:
        print_verdict(finished.audit, str(finished.folder.page), finished.seal)
    return finished.audit.verdict.exit_code
