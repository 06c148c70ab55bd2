"""`auditkit demo`."""

from __future__ import annotations

import click

from auditkit.cli.progress import progress


@click.command("demo")
@click.option("--out", default="reports/demo", show_default=True, help="Run folder.")
@click.option("--limit", type=click.IntRange(min=1), default=320, show_default=True, help="Most samples a pack.")
@click.option("--full", is_flag=True, help="Every sample of every pack, instead of --limit.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(out: str, limit: int, full: bool, quiet: bool) -> int:
    """Audit SmolLM2-135M-Instruct on the three built-in packs, offline.

    Exits 0 when the audit is complete, whatever the gate would have said.
    """
    from auditkit.cli.summary import print_verdict
    from auditkit.pipeline.audit import run_audit
    from auditkit.schema import Config, Explain

    config = Config(
        model="smollm2", limit=None if full else limit, out=out, offline=True, explain=Explain(samples=1)
    )
    with progress(quiet=quiet) as on_event:
        finished = run_audit(config, on_event)
    verdict = finished.audit.verdict
    print_verdict(finished.audit, str(finished.folder.page), finished.seal)
    click.echo(f"As a gate, this audit would have exited with {verdict.exit_code}; the demo itself exits 0.")
    click.echo(str(finished.folder.page.resolve()))
    return 0
