"""`auditkit init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(folder: Path, force: bool) -> int:
    """Write a commented audit.yaml and policy.yaml into FOLDER."""
    from auditkit.errors import UsageError
    from auditkit.pipeline.starter_files import texts

    written = texts()
    there = [name for name in written if (folder / name).exists()]
    if there and not force:
        raise UsageError(f"{folder / there[0]} is there already; --force overwrites it")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(str(folder / name))
    click.echo(f"Edit both, then run: auditkit audit --config {folder / 'audit.yaml'}")
    return 0
