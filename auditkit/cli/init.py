"""`auditkit init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(folder: Path, force: bool) -> int:
    """Write a commented audit.yaml and policy.yaml into FOLDER."""
    from auditkit.errors import UsageError
    from auditkit.pipeline.starter_files import texts

    files = texts()
    existing = [name for name in files if (folder / name).exists()]
    if existing and not force:
        raise UsageError(f"{folder / existing[0]} exists already; --force overwrites it")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(str(folder / name))
    click.echo(f"Edit both, then run: auditkit audit --config {folder / 'audit.yaml'}")
    return 0
