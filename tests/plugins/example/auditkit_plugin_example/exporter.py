"""An exporter: a file of the run folder, as a pure function of the audit."""

from auditkit.render.write.exporter import exporter
from auditkit.schema import Audit


@exporter("badge.txt")
def badge(audit: Audit) -> bytes:
    """The verdict in one word."""
    return f"{audit.verdict.status}\n".encode()
