"""`auditkit verify`."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.cli.terminal import one_line


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--seal", help="The seal that CI kept: audit.json must still have this sha256.")
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def command(run: Path, seal: str | None, as_json: bool) -> int:
    """Recompute every number and the verdict of RUN from its journal, without the model.

    The chain of hashes shows accidents; recomputing shows numbers that do not follow from the answers; comparing with
    the installed packs shows other rows or prompts; --seal shows a whole run that was replaced. Without --seal nothing
    shows that a model gave these answers.
    """
    import json

    from auditkit.pipeline.verify import verify

    verified = verify(run, seal)
    if as_json:
        click.echo(json.dumps({
            "lines": verified.lines, "estimates": verified.estimates, "seal": verified.seal,
            "verdict": verified.audit.verdict.status, "compared_with_a_seal": verified.seal_given,
            "compared": {item.what: item.missing or "same" for item in verified.compared},
        }))
        return 0
    click.echo(
        f"Recomputed without the model: {verified.lines} journal lines chained, {verified.estimates} estimates and the "
        f"verdict ({verified.audit.verdict.status})."
    )
    for item in verified.compared:
        comparison = f"not compared: {item.missing}" if item.missing else "as installed here"
        click.echo(one_line(f"  {item.what}: {comparison}"))
    click.echo(f"Seal:  {verified.seal}")
    if verified.seal_given:
        click.echo("Shown: this is the run that was sealed, and its numbers follow from its answers.")
    else:
        click.echo("Shown: the run is consistent with itself; not compared with a seal (--seal HASH).")
        click.echo("Not shown: that the model gave these answers; whoever writes the folder could have made them up.")
    return 0
