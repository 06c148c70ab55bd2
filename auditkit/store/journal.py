"""The append-only, hash-chained record of a run: what a resume and `verify` read.

One canonical JSON object a line: `{body, hash, kind, prev, seq, v}`. The chain shows accident, not forgery.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import Attribution, Sample, canonical, plain
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.journal import AttributionEntry, Entry, Header, NotExplainedEntry, SampleEntry, SealEntry
from auditkit.store.files import PRIVATE, cannot_write, open_plain, sync_folder, write_all
from auditkit.store.lines import GENESIS, LineFault, encode, kind_of, scan, sealed_by
from auditkit.store.lock import open_locked, release
from auditkit.store.records import Fold, JournalRecords

_CHUNK = 1000
"""Lines a write where the number of lines is not bounded otherwise."""


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the next line goes."""

    seq: int = 1
    prev: str = GENESIS
    size: int = 0
    """Bytes of whole lines."""


class Journal:
    """The one writer of a journal. It holds the lock until `close`."""

    def __init__(self, path: Path, descriptor: int, fold: Fold, head: _Head, *, recovered: bool) -> None:
        """Internal: use `Journal.open`."""
        self.path = path
        self.recovered = recovered
        """Whether damaged lines were moved to `journal.broken`: answers that were in them may be in the cache."""
        self._descriptor: int | None = descriptor
        self._fold = fold
        self._head = head

    @classmethod
    def open(cls, path: Path, header: Header, on_event: OnEvent = ignore, mode: int = PRIVATE) -> Journal:
        """Start a journal, or go on with one that has the same header.

        A torn last line is cut off; at a damaged line the rest moves to `journal.broken`. Both are events.

        Args:
            path: `journal.jsonl` in the run folder; the folder is made where it is missing.
            header: what the run is of.
            on_event: called at every repair.
            mode: of the file.

        Raises:
            RunFolderError: another process writes to it, or it is the journal of another audit.
            RecordError: it was written by another version of auditkit.
            MeasurementError: it cannot be written.
        """
        descriptor = open_locked(path, mode)
        try:
            fold, head, fault = _load(path)
            if fold.header is not None:
                _refuse_other_header(path, fold.header, header)
            if fault is not None:
                _repair(path, descriptor, head, fault, on_event)
            recovered = fault is not None and not fault.torn
            journal = cls(path, descriptor, fold, head, recovered=recovered)
            if not fold.lines:
                journal.append([header])
                sync_folder(path.parent)
        except OSError as error:
            release(path, descriptor)
            raise cannot_write(path, error) from error
        except BaseException:
            release(path, descriptor)
            raise
        return journal

    def __enter__(self) -> Journal:
        """The journal itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        self.close()

    def close(self) -> None:
        """Give the lock back; a closed journal takes no more lines."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            release(self.path, descriptor)

    @property
    def records(self) -> JournalRecords:
        """What the journal holds now; what is held in memory is copied, so ask once a round."""
        return self._fold.snapshot()

    def append(self, entries: Iterable[Entry]) -> None:
        """Write a batch of lines: one write, one fsync. All of them are written, or none.

        Raises:
            MeasurementError: the disk is full, a value is NaN or infinite, or the journal is closed.
        """
        head = self._head
        parts: list[bytes] = []
        added: list[tuple[Entry, bytes, int]] = []
        for entry in entries:
            data, body, value = self._encoded(entry, head)
            parts.append(data)
            added.append((entry, body, head.seq))
            head = _Head(head.seq + 1, value, head.size + len(data))
        if parts:
            self._write(b"".join(parts), head)
            for entry, body, seq in added:
                self._fold.add(entry, body, seq)

    def append_many(self, entries: Iterable[Entry]) -> None:
        """Write any number of lines, a thousand a write."""
        chunk: list[Entry] = []
        for entry in entries:
            chunk.append(entry)
            if len(chunk) == _CHUNK:
                self.append(chunk)
                chunk = []
        self.append(chunk)

    def samples(self, samples: Iterable[Sample]) -> None:
        """Journal the samples that are not in it yet.

        Raises:
            MeasurementError: a sample of the same id, but with other content, is already there.
        """
        self.append_many(self._new_samples(samples))

    def attribution(self, attribution: Attribution) -> None:
        """Journal one attribution."""
        self.append([AttributionEntry(attribution=attribution)])

    def not_explained(self, sample_id: str, reason: str) -> None:
        """Journal why a cited sample has no attribution."""
        self.append([NotExplainedEntry(sample=sample_id, reason=reason)])

    def seal(self, sha256: str) -> None:
        """Append the hash of `audit.json`; the last seal counts."""
        self.append([SealEntry(sha256=sha256)])

    def _new_samples(self, samples: Iterable[Sample]) -> Iterator[Entry]:
        by_id = dict(self._fold.samples)
        for sample in samples:
            if by_id.setdefault(sample.id, sample) != sample:
                raise MeasurementError(f"{self.path}: sample {sample.id} is journalled with other content")
            if sample.id not in self._fold.samples:
                yield SampleEntry(sample=sample)

    def _encoded(self, entry: Entry, head: _Head) -> tuple[bytes, bytes, str]:
        try:
            self._fold.check(entry, head.seq)
            return encode(entry, head.seq, head.prev)
        except (LineFault, ValueError) as error:
            what = f"{self.path}:{head.seq}: {kind_of(entry)}: cannot be journalled: {error}"
            raise MeasurementError(what) from None

    def _write(self, data: bytes, head: _Head) -> None:
        """Write, and take back what was written if that does not end well, an interrupt included."""
        if self._descriptor is None:
            raise MeasurementError(f"{self.path}: the journal is closed; give the same command again to go on")
        try:
            write_all(self._descriptor, data)
            os.fsync(self._descriptor)
            self._head = head
        except BaseException as error:
            if self._head is not head:
                self._take_back()
            if isinstance(error, OSError):
                raise cannot_write(self.path, error) from error
            raise

    def _take_back(self) -> None:
        descriptor = self._descriptor
        self._descriptor = None  # stays closed unless the file is whole again
        if descriptor is not None:
            try:
                os.ftruncate(descriptor, self._head.size)
                self._descriptor = descriptor
            finally:
                if self._descriptor is None:
                    release(self.path, descriptor)


def read_journal(path: Path, strict: bool = True) -> JournalRecords:
    """Read a journal without locking or changing it.

    Args:
        path: `journal.jsonl`.
        strict: any fault is an error, for `verify`; otherwise reading stops at the first one.

    Raises:
        RunFolderError: there is no such file.
        RecordError: `journal.jsonl:LINE: what`: a damaged line (if strict), a damaged header, or another version.
    """
    try:
        fold, _, fault = _load(path)
    except (FileNotFoundError, NotADirectoryError):
        raise RunFolderError(f"{path}: no such journal; name the folder of a run") from None
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    if strict and fault is not None:
        raise RecordError(f"{path}:{fault.number}: {fault.what}; the same audit, run again, repairs it")
    if fold.header is None:
        raise RecordError(f"{path}:1: the header is damaged or missing; give the `auditkit audit` command again")
    records = fold.snapshot()
    if strict:
        _refuse_unasked_answers(path, records)
    return records


def last_seal(path: Path) -> tuple[str | None, bool]:
    """The last seal of a journal, and whether it is its last line; the other lines are not checked, which is quick.

    Raises:
        RunFolderError: there is no such file, or it is no plain file.
        RecordError: it cannot be read.
    """
    seal, is_last = None, False
    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
            for raw in file:
                value = sealed_by(raw)
                seal, is_last = (seal, False) if value is None else (value, True)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    return seal, is_last


def _refuse_unasked_answers(path: Path, records: JournalRecords) -> None:
    for sha, line in records.first_answer.items():
        if sha not in records.requests:
            raise RecordError(f"{path}:{line}: output: answers request {sha[:12]}, which the journal does not hold")


def _load(path: Path) -> tuple[Fold, _Head, LineFault | None]:
    """The lines up to the first fault, where the next one would go, and the fault."""
    fold, head = Fold(), _Head()
    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
            for line in scan(file):
                fold.check(line.entry, line.seq)
                fold.add(line.entry, line.body, line.seq)
                head = _Head(line.seq + 1, line.hash, line.end)
    except LineFault as fault:
        if fault.other_version:
            raise RecordError(f"{path}:{fault.number}: {fault.what}") from None
        return fold, head, fault
    return fold, head, None


def _repair(path: Path, descriptor: int, head: _Head, fault: LineFault, on_event: OnEvent) -> None:
    """Cut a torn last line off; move everything from a damaged line on to `journal.broken`."""
    if not fault.torn:
        broken = path.with_name("journal.broken")
        target = open_plain(broken, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(target, "ab") as copy, os.fdopen(open_plain(path, os.O_RDONLY), "rb") as source:
            source.seek(head.size)
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
    os.ftruncate(descriptor, head.size)
    os.fsync(descriptor)
    sync_folder(path.parent)
    what = "cut off" if fault.torn else "this line and all behind it are now in journal.broken; the run goes on"
    on_event(Event("run", f"{path}:{fault.number}: {fault.what}: {what}"))


def _refuse_other_header(path: Path, old: Header, new: Header) -> None:
    before, after = _flatten(plain(old)), _flatten(plain(new))
    changed = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    if changed:
        first = ", ".join(f"{key} {_show(before, key)} -> {_show(after, key)}" for key in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise RunFolderError(f"{path}: is of another audit: {first}{more}; give --out another folder")


def _flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Path of each value in a nested one, to the value as JSON."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    flat: dict[str, str] = {}
    for key, item in items:
        flat |= _flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return flat or {prefix: canonical(value).decode("utf-8")}


def _show(values: Mapping[str, str], key: str) -> str:
    text = values.get(key, "(absent)")
    return text if len(text) <= 40 else f"{text[:39]}…"
