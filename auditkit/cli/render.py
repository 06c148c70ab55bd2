"""`auditkit render`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("render")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> int:
    """Write index.html, report.md, junit.xml and results.sarif of the audit in RUN again."""
    from auditkit.cli.progress import progress
    from auditkit.pipeline.steps.pages import write_pages
    from auditkit.store.folder import RunFolder

    folder = RunFolder(run)
    with progress() as on_event:
        audit = folder.read_audit(on_event)
    write_pages(folder, audit)
    click.echo(str(folder.page))
    return 0
