"""`auditkit schema`."""

from __future__ import annotations

import click

NAMES = {"audit": "Audit", "config": "Config", "policy": "Policy", "card": "Benchmark", "sample": "Sample"}


@click.command("schema")
@click.argument("record", type=click.Choice(list(NAMES)))
def command(record: str) -> int:
    """Print the JSON schema of RECORD."""
    import json

    from auditkit import schema

    click.echo(json.dumps(getattr(schema, NAMES[record]).model_json_schema(), indent=2))
    return 0
