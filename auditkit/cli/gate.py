"""`auditkit gate`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("gate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--policy", help="Built-in policy or policy file; the audit's own by default.")
@click.option("--json", "as_json", is_flag=True, help="Print verdict and findings as JSON.")
def command(run: Path, policy: str | None, as_json: bool) -> int:
    """Judge the audit in RUN (a run folder or an audit.json); the exit code is the verdict."""
    import json

    from auditkit.cli.progress import progress
    from auditkit.cli.summary import print_findings, print_not_measured
    from auditkit.pipeline.gate import gate
    from auditkit.render.view.verdict import sentence
    from auditkit.schema import plain
    from auditkit.store.folder import load_audit

    with progress() as on_event:
        audit = load_audit(run, on_event)
    judged = gate(audit, policy)
    if as_json:
        click.echo(json.dumps({"verdict": plain(judged.verdict), "findings": plain(judged.findings)}, indent=2))
    else:
        click.echo(sentence(judged))
        print_findings(judged)
        print_not_measured(judged)
    return judged.verdict.exit_code
