"""Answers that were there before: whoever made the run folder may have written them by hand."""

from __future__ import annotations

from auditkit.errors import RunFolderError
from auditkit.store.folder import RunFolder
from auditkit.store.records import JournalRecords


def refuse_prefilled(folder: RunFolder, records: JournalRecords, *, recovered: bool) -> None:
    """Refuse a folder that holds anything which only this run may bring: answers, explanations, a seal.

    Args:
        folder: the run folder.
        records: what its journal held when the command began.
        recovered: whether it held damaged lines, which may have been any of these.

    Raises:
        RunFolderError: it holds some; the text says how many.
    """
    held = {
        "answers": len(records.outputs), "explanations": len(records.attributions) + len(records.not_explained),
        "batch plans": len(records.plans), "seals": int(records.seal is not None),
        "damaged journals": int(recovered),
    }
    amounts = ", ".join(f"{number} {what}" for what, number in held.items() if number)
    if amounts:
        raise RunFolderError(
            f"{folder.path}: holds {amounts} already, and --fresh (the default where the environment says CI) takes "
            "none that were there before; give --out a new folder, or --no-fresh to go on with them"
        )
