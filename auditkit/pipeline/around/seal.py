"""Whether a run folder holds a finished audit."""

from __future__ import annotations

from auditkit.store.files import is_plain
from auditkit.store.folder import RunFolder
from auditkit.store.records import JournalRecords


def is_sealed(folder: RunFolder, records: JournalRecords) -> bool:
    """Whether audit.json is what the journal's last line seals: then only its pages are left to write."""
    sealed = records.seal is not None and not records.after_seal and is_plain(folder.audit)
    return sealed and records.seal == folder.audit_sha256()
