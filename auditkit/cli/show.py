"""`auditkit show`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("show")
@click.argument("sample_id")
@click.option("--run", "run", type=click.Path(path_type=Path), help="Run folder; the newest in reports by default.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(sample_id: str, run: Path | None, as_json: bool) -> int:
    """Show one sample of a run: what was asked, what the model answered, and every score.

    SAMPLE_ID is `pack/row-id`, as in the report.
    """
    import json

    from auditkit.pipeline.show import newest_run, show

    sample = show(run if run is not None else newest_run(Path("reports")), sample_id)
    if as_json:
        click.echo(json.dumps(sample.plain(), indent=2, ensure_ascii=False))
    else:
        for line in sample.lines():
            click.echo(line)
    return 0
