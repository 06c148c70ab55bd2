"""`auditkit render`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("render")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> int:
    """Write index.html, report.md, junit.xml and results.sarif of the audit in RUN again."""
    from auditkit.pipeline.steps.pages import write_pages
    from auditkit.store.folder import RunFolder

    folder = RunFolder(run)
    write_pages(folder, folder.read_audit())
    click.echo(str(folder.page))
    return 0
