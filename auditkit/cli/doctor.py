"""`auditkit doctor`."""

from __future__ import annotations

from typing import Any

import click

from auditkit.cli.options import option
from auditkit.cli.terminal import one_line, style
from auditkit.schema import Config


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--bench", metavar="MODEL", help="Measure a local model in each device and number format there is.")
@option(Config, "threads", help="With --bench: {}")
@click.option(
    "--compile", "compiled", is_flag=True,
    help="With --bench, also measure what torch.compile would bring: a minute or more a setting.",
)
def command(as_json: bool, bench: str | None, threads: int | None, compiled: bool) -> int:
    """Show versions, device, caches, and what is missing for each feature with the command that adds it.

    With --bench, show how fast a model runs in each device and number format, how far its log-likelihoods are from
    float32 on the CPU, and which setting to use.
    """
    import json

    if compiled and bench is None:
        raise click.UsageError("--compile measures a model: add --bench MODEL")
    if bench is not None:
        from auditkit.pipeline.bench import bench as measure

        def on_event(event: Any) -> None:
            """Print what is being measured."""
            click.echo(one_line(event.message), err=True)

        result = measure(bench, compiled=compiled, on_event=on_event, threads=threads)
        click.echo(json.dumps(result, indent=2) if as_json else "\n".join(_table(result)))
        return 0
    from auditkit.pipeline.doctor import examine

    report = examine()
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return 0
    for section, facts in report.items():
        click.echo(style(section, bold=True))
        for name, fact in facts.items():
            click.echo(f"  {name:22} {one_line(str(fact))}")
    return 0


def _table(result: dict[str, Any]) -> list[str]:
    """Lines for people: one for each setting, then the advice."""
    lines = [f"{'device':8}{'dtype':10}{'GFLOP/s':>9}{'tokens/s':>10}{'difference':>12}{'same choice':>13}"]
    for row in result["settings"]:
        start = f"{row['device']:8}{row['dtype']:10}{row['gemm_gflops']:>9.1f}"
        if "skipped" in row:
            lines.append(f"{start}  not tried: {row['skipped']}")
            continue
        gap = row["largest_difference"]
        difference = "missing" if gap is None else f"{gap:.1e}"
        within = "" if row["within_tolerance"] else f"  beyond {result['tolerance']} nats a token"
        speed = f"{row['tokens_per_second']:>10.0f}"
        lines.append(f"{start}{speed}{difference:>12}{row['same_choice']:>12.0%} {within}".rstrip())
        if "compiled" in row:
            lines.append(f"  {_compiled(row['compiled'])}")
    best = result["recommended"]
    return [*lines, f"use: --device {best['device']} --dtype {best['dtype']} ({best['reason']})"]


def _compiled(measured: dict[str, Any]) -> str:
    """What compiling a setting's model brought."""
    if "skipped" in measured:
        return f"not compiled: {measured['skipped']}"
    plain, fast = measured["plain_seconds"], measured["compiled_seconds"]
    after = measured["pays_after_requests"]
    pays = "never pays" if after is None else f"pays after {after:,} requests at the earliest"
    return (
        f"compiled: {fast * 1e3:.1f} ms a pass of one batch, plain {plain * 1e3:.1f} ms; "
        f"{measured['compile_seconds']:.0f} s to compile each shape: {pays}"
    )
