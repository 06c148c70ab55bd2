"""`auditkit selftest`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("selftest")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--pack", "packs", multiple=True, metavar="NAME", help="Pack name or folder; all built-in by default.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the readings as JSON.")
def command(run: Path | None, packs: tuple[str, ...], seed: int, as_json: bool) -> int:
    """Read every probe on planted models; with RUN, show the readings that its audit kept.

    Exits 4 where a metric misreads a planted model: it may then not gate.
    """
    import json

    from auditkit.cli.summary import number
    from auditkit.pipeline.selftest import selftest_packs
    from auditkit.schema import plain
    from auditkit.store.folder import load_audit

    readings = load_audit(run).selftest if run is not None else tuple(selftest_packs(packs, seed=seed))
    if as_json:
        click.echo(json.dumps(plain(readings), indent=2))
    else:
        for r in readings:
            expected = {"exactly": f"= {number(r.expected)}", "around": f"~ {number(r.expected)}"}.get(r.expect, "none")
            mark = click.style("ok   ", fg="green") if r.ok else click.style("WRONG", fg="red", bold=True)
            name = str(r.estimate)
            click.echo(f"{mark} {name:58} {r.planted:20} expected {expected:8} read {number(r.value)} (n={r.n})")
    return 0 if all(reading.ok for reading in readings) else 4
