"""`auditkit selftest`."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.cli.options import option
from auditkit.cli.terminal import one_line, style
from auditkit.schema import Config, SelfTestReading


@click.command("selftest")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--pack", "packs", multiple=True, metavar="NAME", help="Pack name or folder; all built-in by default.")
@option(Config, "seed", default=0)
@click.option("--json", "as_json", is_flag=True, help="Print the readings as JSON.")
def command(run: Path | None, packs: tuple[str, ...], seed: int, as_json: bool) -> int:
    """Read every probe on planted models; with RUN, show the readings that its audit kept.

    Exits 4 where a metric misreads a planted model: it may then not gate.
    """
    import json

    from auditkit.pipeline.selftest import selftest_packs
    from auditkit.schema import plain
    from auditkit.store.folder import load_audit

    readings = load_audit(run).selftest if run is not None else tuple(selftest_packs(packs, seed=seed))
    if as_json:
        click.echo(json.dumps(plain(readings), indent=2))
    else:
        for reading in readings:
            click.echo(_line(reading))
    return 0 if all(reading.ok for reading in readings) else 4


def _line(reading: SelfTestReading) -> str:
    """`ok pack/metric@arm behaviour expected … read …`."""
    from auditkit.render.view.summary import decimal

    sign = {"exactly": "= ", "around": "~ ", "best": "= ", "not_best": "not "}.get(reading.expect)
    expected = f"{sign}{decimal(reading.expected)}" if sign else "none"
    mark = style("ok   ", fg="green") if reading.ok else style("WRONG", fg="red", bold=True)
    value = decimal(reading.value)
    what = f"{one_line(str(reading.estimate)):58} {one_line(reading.planted):20}"
    return f"{mark} {what} expected {expected:9} read {value} (n={reading.n})"
