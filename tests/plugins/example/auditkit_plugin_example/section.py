"""A section of the report: what it shows, its template, its words and its place."""

from auditkit.render.view.index import AuditIndex
from auditkit.render.view.section import Section


def _view(index: AuditIndex) -> dict[str, str]:
    return {"estimates": str(len(index.audit.estimates))}


section = Section(
    "example", 650, _view, "example.html.j2", package="auditkit_plugin_example",
    words={"en": {"title": "Example", "lead": "This audit holds {n} estimates."}},
)
