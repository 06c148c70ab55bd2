"""`auditkit doctor`."""

from __future__ import annotations

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(as_json: bool) -> int:
    """Show versions, device, caches, and what is missing for each feature with the command that adds it."""
    import json

    from auditkit.pipeline.doctor import examine

    found = examine()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return 0
    for section, facts in found.items():
        click.echo(click.style(section, bold=True))
        for name, fact in facts.items():
            click.echo(f"  {name:22} {fact}")
    return 0
