"""`auditkit render`."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.cli.options import option
from auditkit.cli.progress import progress
from auditkit.schema import Config


@click.command("render")
@click.argument("run", type=click.Path(path_type=Path))
@option(Config, "shared")
def command(run: Path, shared: bool | None) -> int:
    """Write the pages of the audit in RUN again.

    index.html, report.md, junit.xml, results.sarif, and what installed plugins export.
    """
    from auditkit.pipeline.steps.pages import write_pages
    from auditkit.store.folder import RunFolder

    folder = RunFolder(run, bool(shared))
    folder.refuse_link()
    with progress() as on_event:
        write_pages(folder, folder.read_audit(on_event), on_event)
    click.echo(str(folder.page))
    return 0
