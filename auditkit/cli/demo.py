"""`auditkit demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditkit.cli.progress import progress

if TYPE_CHECKING:
    from auditkit.pipeline.audit import Finished


@click.command("demo")
@click.option("--out", default="reports/demo", show_default=True, help="Run folder.")
@click.option("--limit", type=click.IntRange(min=1), default=320, show_default=True, help="Most samples a pack.")
@click.option("--full", is_flag=True, help="Every sample of every pack, instead of --limit.")
@click.option("--model", type=click.Choice(["both", "smollm2", "minilm"]), default="both", show_default=True,
              help="Which of the two models.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(out: str, limit: int, full: bool, model: str, quiet: bool) -> int:
    """Audit SmolLM2-135M-Instruct on three packs; then fine-tune MiniLM as a sentiment classifier, and audit it.

    Works offline, once the two packages with the weights are installed. Exits 0 when the audits are complete, whatever
    the gate would have said.
    """
    from auditkit.pipeline.audit import run_audit
    from auditkit.pipeline.demo import missing, second_model
    from auditkit.schema import Config, Explain

    if model != "minilm":
        config = Config(
            model="smollm2", limit=None if full else limit, out=out, offline=True, explain=Explain(samples=1)
        )
        with progress(quiet=quiet) as on_event:
            finished = run_audit(config, on_event)
        _tell(finished)
    if model != "smollm2":
        lacks = missing()
        if lacks is not None and model == "both":
            click.echo(f"The second model, a sentiment classifier, was left out: {lacks}")
            return 0
        with progress(quiet=quiet) as on_event:
            finished = second_model(Path(f"{out}-sentiment-model"), Path(f"{out}-sentiment"), on_event, click.echo)
        _tell(finished)
    return 0


def _tell(finished: Finished) -> None:
    from auditkit.cli.summary import print_verdict

    verdict = finished.audit.verdict
    print_verdict(finished.audit, str(finished.folder.page), finished.seal)
    click.echo(f"As a gate, this audit would have exited with {verdict.exit_code}; the demo itself exits 0.")
    click.echo(str(finished.folder.page.resolve()))
