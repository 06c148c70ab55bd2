"""`auditkit init`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(folder: Path, force: bool) -> int:
    """Write a commented audit.yaml and policy.yaml into FOLDER."""
    from auditkit.errors import UsageError
    from auditkit.pipeline.starter_files import texts
    from auditkit.store.files import write_atomically

    files = texts()
    existing = [name for name in files if os.path.lexists(folder / name)]
    if existing and not force:
        raise UsageError(f"{folder / existing[0]} exists already; --force overwrites it")
    for name, text in files.items():
        write_atomically(folder / name, text.encode("utf-8"))
        click.echo(str(folder / name))
    click.echo(f"Edit both, then run: auditkit audit --config {folder / 'audit.yaml'}")
    return 0
