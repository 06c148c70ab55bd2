"""`auditkit finetune`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from auditkit.cli.options import apply, option
from auditkit.cli.progress import progress
from auditkit.cli.settings import config_options
from auditkit.schema import Recipe, Task
from auditkit.schema.training import HEAD_ONLY

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    from auditkit.pipeline.finetune import FinetunedModel


def _recipe_option(name: str) -> Callable[[F], F]:
    """The option of a hyper-parameter, with its other default where the head alone is trained."""
    alone = f" With --freeze-body the default is {HEAD_ONLY[name]}." if name in HEAD_ONLY else ""
    return option(Recipe, name, help="{}" + alone)


_OPTIONS = [
    click.option("--data", required=True, type=click.Path(path_type=Path),
                 help="CSV, TSV, JSON lines, JSON, Parquet, or a saved `datasets` folder."),
    click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the new model."),
    click.option("--validation", type=click.Path(path_type=Path), help="Rows to hold out; default a share of --data."),
    *(_recipe_option(name) for name in Recipe.model_fields),
    *(option(Task, name) for name in ("columns", "clusters", "separator")),
    *config_options("device", "threads", "offline"),
    click.option("--resume", is_flag=True, help="Go on with an interrupted training."),
    click.option("--json", "as_json", is_flag=True, help="Print training.json on standard output."),
    click.option("--quiet", is_flag=True, help="No progress."),
]


def _options(command: F) -> F:
    return apply(_OPTIONS, command)


@click.command("finetune")
@click.argument("base")
@_options
def command(base: str, out: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Fine-tune BASE (a Hub id, or a directory with safetensors) on labelled rows.

    Writes weights, tokenizer, curves and a model card into a new folder, which `auditkit audit` takes as it is. Rows
    with the same text stay on one side of the split; the weights of the epoch with the lowest validation loss stay.
    """
    from auditkit.pipeline.finetune import finetune

    values = {name: value for name, value in options.items() if value is not None}
    try:
        with progress(quiet=quiet) as on_event:
            finetuned = finetune(base, out=out, on_event=on_event, **values)
    except KeyboardInterrupt:
        click.echo(
            f"auditkit: interrupted; {out} was not written; the same command with --resume goes on after the last "
            "complete epoch, if there was one", err=True,
        )
        return 130
    if as_json:
        click.echo((finetuned.folder / "training.json").read_text(encoding="utf-8"), nl=False)
    else:
        _print(finetuned)
    return 0


def _print(finetuned: FinetunedModel) -> None:
    """What was learnt, on which rows, how well, and what to do next."""
    from auditkit.render.view.summary import estimate_line

    training = finetuned.training
    click.echo(
        f"Learnt from {training.training.rows} rows, held out {training.validation.rows}; kept epoch "
        f"{training.best_epoch:g} of {training.recipe.epochs}{', stopped early' if training.stopped_early else ''}; "
        f"{training.seconds:.0f} s."
    )
    for estimate in training.estimates:
        click.echo(f"  {estimate_line(estimate)}")
    if training.majority is not None:
        click.echo(f"  always answering the commonest label: {training.majority:.3f}")
    click.echo(f"Card:  {finetuned.folder / 'README.md'}")
    click.echo(f"Next:  auditkit audit {finetuned.folder}")
