"""The last lines of an audit: the verdict, what was not measured, and where the page is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from auditkit.cli.results import print_results
from auditkit.cli.terminal import one_line, style

if TYPE_CHECKING:
    from auditkit.pipeline.audit import AuditRun
    from auditkit.schema import Audit

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "magenta", "not_applicable": "blue",
           "not_run": "yellow", "waived": "yellow", "not_judged": "blue"}


def print_findings(audit: Audit) -> None:
    """One line a finding that blocks or did not pass, with the interval that was gated; then the small print."""
    from auditkit.render.view.summary import check_lines
    from auditkit.render.view.verdict import small_print

    for line in check_lines(audit):
        click.echo(f"  {style(f'{line.mark:9}', fg=COLOURS[line.status], bold=True)} {one_line(line.text)}")
    for text in small_print(audit):
        click.echo(one_line(text))


def print_not_measured(audit: Audit) -> None:
    """Everything that was not measured, and why."""
    from auditkit.render.view.summary import not_measured
    from auditkit.render.words.catalogue import say

    lines = not_measured(audit)
    click.echo(say("summary.not_measured") if lines else say("summary.nothing_left_out"))
    for line in lines:
        click.echo(f"  {one_line(line)}")


def print_verdict(finished: AuditRun) -> None:
    """The verdict, its findings, what was not measured, what was there before, the seal and the page."""
    from auditkit.render.view.verdict import sentence
    from auditkit.render.words.catalogue import say

    audit = finished.audit
    click.echo(style(one_line(sentence(audit)), bold=True, fg=COLOURS[audit.verdict.status]))
    print_findings(audit)
    print_results(audit)
    print_not_measured(audit)
    cached = 0 if audit.observed is None else audit.observed.cache_hits
    if finished.answers_before or cached:
        click.echo(say("summary.before", before=str(finished.answers_before), cached=str(cached)))
    click.echo(say("summary.seal", seal=finished.seal))
    click.echo(one_line(say("summary.page", page=str(finished.folder.page))))


def print_finished(finished: AuditRun, *, as_json: bool) -> int:
    """The verdict of an audit that has just ended, or its audit.json.

    Returns:
        The verdict's exit code.
    """
    from auditkit.store.files import read_plain

    if as_json:
        click.echo(read_plain(finished.folder.audit).decode("utf-8"), nl=False)
    else:
        print_verdict(finished)
    return finished.audit.verdict.exit_code
