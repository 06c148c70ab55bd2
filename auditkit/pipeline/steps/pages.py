"""Everything that is written for people and CI: pure functions of the audit."""

from __future__ import annotations

from auditkit.render.write import html, junit, markdown, sarif
from auditkit.schema import Audit
from auditkit.store.folder import RunFolder


def write_pages(folder: RunFolder, audit: Audit) -> None:
    """Write index.html, report.md, junit.xml and results.sarif."""
    folder.write(folder.page, html.render(audit))
    folder.write(folder.markdown, markdown.render(audit))
    folder.write(folder.junit, junit.render(audit))
    folder.write(folder.sarif, sarif.render(audit))
