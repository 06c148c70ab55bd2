"""Recompute every headline number and the verdict from the journal, without the model."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import VerifyError
from auditkit.pipeline.around.collection import rare_collection
from auditkit.pipeline.steps.answers import answers_by_pack
from auditkit.pipeline.steps.assemble import assemble
from auditkit.pipeline.steps.installed import Comparison, compare_packs, compare_policy
from auditkit.schema import Audit, EstimateId, plain
from auditkit.store.folder import RunFolder
from auditkit.store.journal import read_journal

TOLERANCE = 1e-9
"""Largest difference of a recomputed number, absolute and relative."""


@dataclass(frozen=True)
class Verification:
    """What `verify` checked of a run, all of which holds."""

    audit: Audit
    lines: int
    """Journal lines whose chain holds."""
    estimates: int
    """Estimates recomputed."""
    seal: str
    """sha256 of audit.json, as the journal seals it."""
    seal_given: bool
    """Whether it is the one that somebody kept elsewhere; else the run is only consistent with itself."""
    compared: tuple[Comparison, ...]
    """Packs and policy, beside what is installed."""


@rare_collection()
def verify(path: str | Path, seal: str | None = None) -> Verification:
    """Check a run folder: the journal's chain, the seal, every recomputed number, and samples.parquet.

    Prompts are compared with the journalled rows, rows with the installed pack, and a built-in policy with its content.
    Without a seal this shows that the run is consistent with itself: whoever can write the folder could have made
    answers that no model gave.

    Args:
        path: the run folder.
        seal: the sha256 of audit.json that was kept where the folder's writer could not change it.

    Raises:
        VerifyError: naming the first thing that does not follow from the journal.
        RecordError: a damaged journal or audit.json.
    """
    folder = RunFolder(Path(path))
    records = read_journal(folder.journal)
    audit = folder.read_audit()
    if records.seal is None:
        raise VerifyError(f"{folder.journal}: holds no seal, so the audit is not finished; run it again")
    if records.after_seal:
        raise VerifyError(f"{folder.journal}: goes on behind its seal, so audit.json is older than it; run it again")
    sha256 = folder.audit_sha256()
    if sha256 != records.seal:
        raise VerifyError(f"{folder.audit}: its sha256 {sha256} is not the sealed one {records.seal}")
    if seal is not None and seal.strip().lower() != records.seal:
        raise VerifyError(f"{folder.path}: sealed with {records.seal}, not with the given {seal}")
    recomputed = assemble(records, _day(audit)).audit  # its rows, which take most of the memory, are not kept
    for place, stated, derived in differences(_facts(audit), _facts(recomputed)):
        raise VerifyError(f"{folder.audit}: {place} is {stated!r}, but the journal gives {derived!r}")
    folder.check_samples(recomputed.samples_sha256)
    compared = (*compare_packs(records.header, answers_by_pack(records)), compare_policy(records.header))
    return Verification(
        audit=audit, lines=records.lines, estimates=len(recomputed.estimates), seal=records.seal,
        seal_given=seal is not None, compared=compared,
    )


def _day(audit: Audit) -> dt.date:
    if audit.observed is None:
        raise VerifyError("audit.json: observed.finished is missing, so waivers cannot be judged")
    return dt.datetime.fromisoformat(audit.observed.finished).date()


def _facts(audit: Audit) -> dict[str, Any]:
    facts = plain(audit)
    facts.pop("observed")
    assert isinstance(facts, dict)
    return facts


def differences(stated: Any, derived: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Places at which two JSON values differ; numbers by more than 1e-9.

    Yields:
        Path, the value there in `stated`, and in `derived`.
    """
    if isinstance(stated, dict) and isinstance(derived, dict):
        for key in sorted(stated.keys() | derived.keys()):
            if key != "id" or path:
                yield from differences(stated.get(key), derived.get(key), f"{path}.{key}" if path else key)
        # the audit's own id last: it hashes all the rest, so that any other difference says more
        if not path and stated.get("id") != derived.get("id"):
            yield "id", stated.get("id"), derived.get("id")
    elif isinstance(stated, list) and isinstance(derived, list) and len(stated) == len(derived):
        for i, (left, right) in enumerate(zip(stated, derived, strict=True)):
            yield from differences(left, right, f"{path}[{_label(left, i)}]")
    elif isinstance(stated, float) and isinstance(derived, (int, float)) and not isinstance(derived, bool):
        if not math.isclose(stated, derived, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield path, stated, derived
    elif stated != derived:
        yield path, stated, derived


def _label(item: Any, i: int) -> str:
    """What names an item of a list: an estimate's id as it is printed, another id as it is, else its place."""
    name = item.get("id", i) if isinstance(item, dict) else i
    return str(EstimateId.model_validate(name) if isinstance(name, dict) else name)
