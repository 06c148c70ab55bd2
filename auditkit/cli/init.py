"""`auditkit init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from auditkit.cli.options import Pairs
from auditkit.cli.terminal import one_line


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--data", help="Your own rows: the files then hold an audit of them, and checks that they can decide.")
@click.option("--task", default="classification", show_default=True, help="With --data: the kind of task.")
@click.option("--columns", type=Pairs(), metavar="NAME=VALUE,…", default={},
              help="With --data: text=review,label=stars. What is not named is looked for.")
@click.option("--groups", type=Pairs(), metavar="NAME=VALUE,…", default={},
              help="With --data: axis to column, gender=author_gender. Without it, columns named like groups.")
@click.option("--model", default="smollm2", show_default=True, help="With --data: what is audited.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(
    folder: Path, data: str | None, task: str, columns: dict[str, str], groups: dict[str, str], model: str, force: bool
) -> int:
    """Write a commented audit.yaml and policy.yaml into FOLDER.

    With --data they are about these rows: it says which columns it took for text, label and groups, and why.
    """
    from auditkit.errors import UsageError
    from auditkit.pipeline.own_files import own_files
    from auditkit.pipeline.starter_files import texts
    from auditkit.store.files import write_atomically

    if data is None and (columns or groups):
        raise UsageError("--columns and --groups describe --data; give --data too")
    files, notes = texts(folder), tuple[str, ...]()
    existing = [name for name in files if os.path.lexists(folder / name)]
    if existing and not force:
        raise UsageError(f"{folder / existing[0]} exists already; --force overwrites it")
    if data is not None:
        own = own_files(folder, model, data, task, columns, groups)
        files, notes = own.texts, own.notes
    for note in notes:
        click.echo(one_line(note))
    for name, text in files.items():
        write_atomically(folder / name, text.encode("utf-8"))
        click.echo(str(folder / name))
    click.echo(f"Edit both, then run: auditkit audit --config {folder / 'audit.yaml'}")
    return 0
