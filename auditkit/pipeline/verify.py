"""Recompute every headline number and the verdict from the journal, without the model."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import VerifyError
from auditkit.pipeline.steps.assemble import assemble
from auditkit.schema import Audit, EstimateId, plain
from auditkit.store.folder import RunFolder
from auditkit.store.journal import read_journal

TOLERANCE = 1e-9
"""Largest difference of a recomputed number, absolute and relative."""


@dataclass(frozen=True)
class Verified:
    """What `verify` found to hold."""

    audit: Audit
    lines: int
    """Journal lines whose chain holds."""
    estimates: int
    """Estimates recomputed."""
    seal: str
    """sha256 of audit.json, as the journal seals it."""


def verify(path: str | Path) -> Verified:
    """Check a run folder: the journal's chain, the seal, every recomputed number, and samples.parquet.

    Raises:
        VerifyError: naming the first thing that does not follow from the journal.
        RecordError: a damaged journal or audit.json.
    """
    folder = RunFolder(Path(path))
    records = read_journal(folder.journal)
    audit = folder.read_audit()
    if records.seal is None:
        raise VerifyError(f"{folder.journal}: holds no seal, so the audit is not finished; run it again")
    found = hashlib.sha256(folder.audit.read_bytes()).hexdigest()
    if found != records.seal:
        raise VerifyError(f"{folder.audit}: its sha256 {found} is not the sealed one {records.seal}")
    recomputed = assemble(records, _day(audit))
    for where, was, now in differences(_facts(audit), _facts(recomputed.audit)):
        raise VerifyError(f"{folder.audit}: {where} is {was!r}, but the journal gives {now!r}")
    folder.check_samples(recomputed.audit.samples_sha256)
    return Verified(
        audit=audit, lines=records.lines, estimates=len(recomputed.audit.estimates), seal=records.seal
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


def differences(was: Any, now: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Places at which two JSON values differ; numbers by more than 1e-9.

    Yields:
        Path, the value there in `was`, and in `now`.
    """
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            if key != "id" or where:
                yield from differences(was.get(key), now.get(key), f"{where}.{key}" if where else key)
        if not where and was.get("id") != now.get("id"):
            yield "id", was.get("id"), now.get("id")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for i, (left, right) in enumerate(zip(was, now, strict=True)):
            yield from differences(left, right, f"{where}[{_label(left, i)}]")
    elif isinstance(was, float) and isinstance(now, (int, float)) and not isinstance(now, bool):
        if not math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield where, was, now
    elif was != now:
        yield where, was, now


def _label(item: Any, i: int) -> str:
    """What names an item of a list: an estimate's id as it is printed, another id as it is, else its place."""
    name = item.get("id", i) if isinstance(item, dict) else i
    return str(EstimateId.model_validate(name) if isinstance(name, dict) else name)
