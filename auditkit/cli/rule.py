"""`auditkit rule`."""

from __future__ import annotations

import textwrap

import click

from auditkit.cli.terminal import style


@click.command("rule")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(code: str, as_json: bool) -> int:
    """Print the documentation of rule CODE, e.g. AK102."""
    import json

    from auditkit.errors import UsageError, did_you_mean
    from auditkit.pipeline.inventory import documentation
    from auditkit.registry import names
    from auditkit.schema import plain

    code, codes = code.upper(), names("rule")
    if code not in codes:
        hint = did_you_mean(code, codes, f"there are {', '.join(codes)}", cutoff=0.6)
        raise UsageError(f'no rule is called "{code}"; {hint}')
    rule = documentation(code)
    if rule is None:
        raise UsageError(f"the rule {code} comes from a plugin that brings no words; ask its author")
    if as_json:
        click.echo(json.dumps({"code": code, **plain(rule)}, indent=2, ensure_ascii=False))
        return 0
    click.echo(style(f"{code} {rule.name}", bold=True))
    sections = {
        "What it does": rule.what, "Why a failure is bad": rule.why, "Example": rule.example, "What to do": rule.todo,
    }
    for title, text in sections.items():
        click.echo(f"\n{title}\n{textwrap.fill(text, 100, initial_indent='  ', subsequent_indent='  ')}")
    click.echo("\nReferences")
    for reference in rule.references:
        click.echo(f"  - {reference}")
    return 0
