"""Whether a run folder holds a finished audit, and whether its audit.json is the one that its journal seals."""

from __future__ import annotations

import os

from auditkit.errors import VerifyError
from auditkit.store.files import is_plain
from auditkit.store.folder import RunFolder
from auditkit.store.journal import last_seal
from auditkit.store.records import JournalRecords


def is_sealed(folder: RunFolder, records: JournalRecords) -> bool:
    """Whether audit.json is what the journal's last line seals: then only its pages are left to write."""
    sealed = records.seal is not None and not records.after_seal and is_plain(folder.audit)
    return sealed and records.seal == folder.audit_sha256()


def compare_with_seal(folder: RunFolder) -> bool:
    """Hold audit.json against the last seal of the journal beside it.

    Returns:
        Whether there is a journal to hold it against.

    Raises:
        VerifyError: the journal seals another audit.json, or none, or goes on behind its seal.
    """
    if not os.path.lexists(folder.journal):
        return False
    seal, is_last = last_seal(folder.journal)
    if seal is None:
        raise VerifyError(f"{folder.journal}: holds no seal, so the audit is not finished; run it again")
    if not is_last:
        raise VerifyError(f"{folder.journal}: goes on behind its seal, so audit.json is older than it; run it again")
    if seal != folder.audit_sha256():
        raise VerifyError(
            f"{folder.audit}: is not the one that the journal seals ({seal[:12]}…): it was edited or replaced; "
            "give the audit command again"
        )
    return True
