"""`auditkit gate`."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.cli.terminal import one_line


@click.command("gate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--policy", help="Built-in policy or policy file; the audit's own by default.")
@click.option("--json", "as_json", is_flag=True, help="Print verdict and findings as JSON.")
def command(run: Path, policy: str | None, as_json: bool) -> int:
    """Judge the audit in RUN (a run folder or an audit.json); the exit code is the verdict.

    An audit.json that is not the one which the journal beside it seals is refused with exit code 4.
    """
    import json

    from auditkit.cli.progress import progress
    from auditkit.cli.results import print_results
    from auditkit.cli.summary import print_findings, print_not_measured
    from auditkit.pipeline.gate import gate, read_sealed
    from auditkit.render.view.verdict import sentence
    from auditkit.schema import plain

    with progress() as on_event:
        audit = read_sealed(run, on_event)
    judged = gate(audit, policy)
    if as_json:
        click.echo(json.dumps({"verdict": plain(judged.verdict), "findings": plain(judged.findings)}, indent=2))
    else:
        click.echo(one_line(sentence(judged)))
        print_findings(judged)
        print_results(judged)
        print_not_measured(judged)
    return judged.verdict.exit_code
