"""`auditkit export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--predictions", "file", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="JSONL file to write, for `auditkit audit predictions:FILE`.",
)
def command(run: Path, file: Path) -> int:
    """Write the answers of RUN as saved predictions.

    `auditkit audit predictions:FILE` with the run's packs, limit and seed then gives the same estimates, without the
    model.
    """
    from auditkit.pipeline.export import export_predictions

    count = export_predictions(run, file)
    click.echo(f"{file}: {count} answers; audit them with `auditkit audit predictions:{file}`")
    return 0
