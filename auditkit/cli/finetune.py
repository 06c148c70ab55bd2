"""`auditkit finetune`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditkit.cli.progress import progress
from auditkit.cli.settings import column_names

if TYPE_CHECKING:
    from auditkit.pipeline.finetune import Finetuned

TASKS = ["classification", "multi-label-classification", "regression", "tagging"]

OPTIONS = [
    click.option("--data", required=True, type=click.Path(path_type=Path),
                 help="CSV, TSV, JSON lines, JSON, Parquet, or a saved `datasets` folder."),
    click.option("--task", required=True, type=click.Choice(TASKS), help="What the model learns."),
    click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the new model."),
    click.option("--validation", type=click.Path(path_type=Path), help="Rows to hold out; default a share of --data."),
    click.option("--validation-share", type=float, help="Share of the rows to hold out.  [default: 0.1]"),
    click.option("--columns", metavar="NAME=COLUMN,…", help="Where they differ: text=review,label=stars,text_pair=b."),
    click.option("--cluster", "clusters", multiple=True, metavar="COLUMN",
                 help="What rows share: such rows stay on one side of the split; twice at most."),
    click.option("--separator", help="Between several values of one cell.  [default: ; and blanks between words]"),
    click.option("--epochs", type=int, help="Most passes over the rows.  [default: 3; head alone: 20]"),
    click.option("--learning-rate", type=float, help="[default: 5e-5; head alone: 5e-3]"),
    click.option("--batch-size", type=int, help="Rows a step.  [default: 16]"),
    click.option("--max-length", type=int, help="Most tokens a row.  [default: 256]"),
    click.option("--patience", type=int, help="Epochs without a lower validation loss until it stops.  [default: 2]"),
    click.option("--seed", type=int, help="Seed of split, new head, order and dropout.  [default: 0]"),
    click.option("--freeze-body", is_flag=True, default=None, help="Train the head alone: seconds, not minutes."),
    click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True),
    click.option("--threads", type=click.IntRange(min=1), help="CPU threads."),
    click.option("--offline", is_flag=True, help="Block every network connection."),
    click.option("--resume", is_flag=True, help="Go on with an interrupted training."),
    click.option("--json", "as_json", is_flag=True, help="Print training.json on standard output."),
    click.option("--quiet", is_flag=True, help="No progress."),
]


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command("finetune")
@click.argument("base")
@_options
def command(base: str, out: Path, as_json: bool, quiet: bool, **given: Any) -> int:
    """Fine-tune BASE (a Hub id, or a directory with safetensors) on labelled rows.

    Writes weights, tokenizer, curves and a model card into a new folder, which `auditkit audit` takes as it is. Rows
    with the same text stay on one side of the split; the weights of the epoch with the lowest validation loss stay.
    """
    from auditkit.pipeline.finetune import finetune

    columns = column_names(given.pop("columns"))
    try:
        with progress(quiet=quiet) as on_event:
            done = finetune(base, out=out, columns=columns, on_event=on_event, **given)
    except KeyboardInterrupt:
        click.echo(
            f"auditkit: interrupted; {out} was not written; the same command with --resume goes on after the last "
            "whole epoch, if there was one", err=True,
        )
        return 130
    if as_json:
        click.echo((done.folder / "training.json").read_text(encoding="utf-8"), nl=False)
    else:
        _tell(done)
    return 0


def _tell(done: Finetuned) -> None:
    from auditkit.cli.summary import estimate_line

    made = done.training
    click.echo(
        f"Learnt from {made.training.rows} rows, held out {made.validation.rows}; kept epoch {made.best_epoch:g} of "
        f"{made.recipe.epochs}{', stopped early' if made.stopped_early else ''}; {made.seconds:.0f} s."
    )
    for estimate in made.estimates:
        click.echo(f"  {estimate_line(estimate)}")
    if made.majority is not None:
        click.echo(f"  always answering the commonest label: {made.majority:.3f}")
    click.echo(f"Card:  {done.folder / 'README.md'}")
    click.echo(f"Next:  auditkit audit {done.folder}")
