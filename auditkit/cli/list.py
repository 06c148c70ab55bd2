"""`auditkit list`."""

from __future__ import annotations

import json

import click

from auditkit.cli.terminal import one_line
from auditkit.pipeline.inventory import KINDS, inventory


@click.command("list")
@click.argument("what", type=click.Choice(list(KINDS)))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(what: str, as_json: bool) -> int:
    """List what there is to name in a command or a file."""
    rows = inventory(what)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        rest = "  ".join(one_line(str(value)) for key, value in row.items() if key != "name" and value)
        click.echo(f"{one_line(row['name']):{width}}  {rest}")
    return 0
