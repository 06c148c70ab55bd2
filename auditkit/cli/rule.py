"""`auditkit rule`."""

from __future__ import annotations

import textwrap

import click


@click.command("rule")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(code: str, as_json: bool) -> int:
    """Print the documentation of rule CODE, e.g. AK102."""
    import json
    from dataclasses import asdict

    from auditkit.errors import UsageError, did_you_mean
    from auditkit.render.view.rules import codes, rule_text

    rule = rule_text(code.upper())
    if rule is None:
        hint = did_you_mean(code.upper(), codes(), f"there are {', '.join(codes())}", cutoff=0.6)
        raise UsageError(f'no rule is called "{code}"; {hint}')
    if as_json:
        click.echo(json.dumps(asdict(rule), indent=2, ensure_ascii=False))
        return 0
    click.echo(click.style(f"{rule.code} {rule.name}", bold=True))
    sections = {
        "What it does": rule.what, "Why a failure is bad": rule.why, "Example": rule.example, "What to do": rule.todo,
    }
    for title, text in sections.items():
        click.echo(f"\n{title}\n{textwrap.fill(text, 100, initial_indent='  ', subsequent_indent='  ')}")
    click.echo("\nReferences")
    for reference in rule.references:
        click.echo(f"  - {reference}")
    return 0
