"""`auditkit demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditkit.cli.options import option
from auditkit.cli.progress import progress
from auditkit.schema import Config, Explain
from auditkit.schema.config import SIZES, Size

if TYPE_CHECKING:
    from auditkit.pipeline.audit import AuditRun


PASSES = 240
"""Of explanation: what is left out is said on the page."""
PACKS = ("stereotype-pairs", "ambiguous-qa", "claims")
"""What the language model is audited on; the classifier has a pack of its own."""


@click.command("demo")
@option(Config, "out", default="reports/demo", help="Run folder.")
@option(Config, "size", default="small", help="{} The classifier, which is quick, has medium at least.")
@click.option("--model", type=click.Choice(["both", "smollm2", "minilm"]), default="both", show_default=True,
              help="Which of the two models.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(out: str, size: Size, model: str, quiet: bool) -> int:
    """Audit SmolLM2-135M-Instruct on three packs; then fine-tune MiniLM as a sentiment classifier, and audit it.

    Works offline, once the two packages with the weights are installed. Exits 0 when the audits are complete, whatever
    the gate would have said.
    """
    from auditkit.pipeline.audit import run_audit
    from auditkit.pipeline.demo import missing, second_model

    if model != "minilm":
        rows = f"at most {SIZES[size]} rows" if SIZES[size] else "all rows"
        click.echo(f"Size {size}: {rows} a pack for the language model. What that leaves undecided is said before.")
        config = Config(
            model="smollm2", packs=PACKS, policy="packs", size=size, out=out, offline=True,
            explain=Explain(samples=1, budget=PASSES),
        )
        with progress(quiet=quiet) as on_event:
            finished = run_audit(config, on_event)
        _print(finished)
    if model != "smollm2":
        reason = missing()
        if reason is not None and model == "both":
            click.echo(f"The second model, a sentiment classifier, was left out: {reason}")
            return 0
        with progress(quiet=quiet) as on_event:
            finished = second_model(
                Path(f"{out}-sentiment-model"), Path(f"{out}-sentiment"), on_event, click.echo,
                size="medium" if size == "small" else size,
            )
        _print(finished)
    return 0


def _print(finished: AuditRun) -> None:
    from auditkit.cli.summary import print_verdict

    verdict = finished.audit.verdict
    print_verdict(finished)
    click.echo(f"As a gate, this audit would have exited with {verdict.exit_code}; the demo itself exits 0.")
    click.echo(str(finished.folder.page.resolve()))
