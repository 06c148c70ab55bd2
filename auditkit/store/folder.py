"""The run folder: its files, and audit.json."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import SCHEMA_VERSION, Audit, digest, plain
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.faults import first_fault
from auditkit.store.files import PRIVATE, SHARED, cannot_write, open_plain, read_plain, write_atomically
from auditkit.store.samples import ScoreRows, check_samples, write_samples
from auditkit.store.upgrades import CANONICAL_SINCE, upgrade

_OTHER_HASHES = (
    "{path}: is of schema_version {version} and was upgraded; its hashes (id, requests, seal) were made over another "
    "canonical form and cannot be compared with those of newer audits"
)
_BEGINNING = b'{"body":{'
"""How every journal begins: the keys of its lines are sorted."""
_UNREMARKABLE = frozenset({".gitignore", ".gitkeep", ".DS_Store"})
"""Files that may lie in a folder before a run begins."""
_AGAIN = "give the audit command again: it assembles audit.json anew from the journal"


@dataclass(frozen=True)
class RunFolder:
    """Names of the files of one run; nothing is created until something is written."""

    path: Path
    shared: bool = False
    """Whether others than the owner may read what is written: rows and answers may be confidential."""

    @property
    def mode(self) -> int:
        """Mode of its files."""
        return SHARED if self.shared else PRIVATE

    @property
    def journal(self) -> Path:
        """Append-only: every sample, request, output and attribution."""
        return self.path / "journal.jsonl"

    @property
    def samples(self) -> Path:
        """One row a sample and metric."""
        return self.path / "samples.parquet"

    @property
    def audit(self) -> Path:
        """The whole result but the per-sample scores."""
        return self.path / "audit.json"

    @property
    def page(self) -> Path:
        """The report."""
        return self.path / "index.html"

    def begin(self) -> None:
        """Make the folder where it is missing; files that are of no run are never written between, or over.

        Raises:
            RunFolderError: it is a link, no folder, or holds something else than a run.
            MeasurementError: it cannot be made.
        """
        self.refuse_link()
        try:
            names = set(os.listdir(self.path)) - _UNREMARKABLE
        except FileNotFoundError:
            self._make()
            return
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be read: {error.strerror}; give --out another folder") from None
        if names and not self._holds_a_run(names):
            raise RunFolderError(
                f"{self.path}: is not empty, and what it holds is no run of auditkit; give --out another folder"
            )

    def refuse_link(self) -> None:
        """Raise `RunFolderError` where the folder's name is a link: it would be written somewhere else."""
        if self.path.is_symlink():
            raise RunFolderError(f"{self.path}: is a symbolic link; name the folder that it leads to")

    def _make(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o755 if self.shared else 0o700)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _holds_a_run(self, names: set[str]) -> bool:
        try:
            with os.fdopen(open_plain(self.journal, os.O_RDONLY), "rb") as file:
                beginning = file.read(len(_BEGINNING))
        except OSError:
            return False
        # A run that was killed before its first line leaves an empty journal, and nothing else.
        return beginning == _BEGINNING or (not beginning and names <= {self.journal.name, "journal.lock"})

    def write(self, path: Path, data: bytes) -> None:
        """Replace one of the files, durably.

        Raises:
            MeasurementError: the disk is full, or the folder cannot be written.
        """
        write_atomically(path, data, self.mode)

    def sweep(self) -> None:
        """Remove half-written files that a killed run left; only for who holds the journal's lock."""
        for path in self.path.glob(".*.tmp"):
            if re.fullmatch(r"\..+\.[0-9a-f]{8}\.tmp", path.name):
                path.unlink(missing_ok=True)

    def write_audit(self, audit: Audit) -> str:
        """Write audit.json.

        Returns:
            sha256 of its bytes: what the journal's seal holds.

        Raises:
            MeasurementError: a value is NaN or infinite, or the folder cannot be written.
        """
        data = audit_bytes(audit)
        write_atomically(self.audit, data, self.mode)
        return hashlib.sha256(data).hexdigest()

    def read_audit(self, on_event: OnEvent = ignore) -> Audit:
        """Read audit.json; see `load_audit`."""
        return load_audit(self.audit, on_event)

    def audit_sha256(self) -> str:
        """sha256 of audit.json's bytes, to compare with the last seal.

        Raises:
            RunFolderError: there is no such file.
        """
        return hashlib.sha256(_read_bytes(self.audit)).hexdigest()

    def write_samples(self, rows: ScoreRows) -> str:
        """Write samples.parquet; see `store.samples.write_samples`."""
        return write_samples(self.samples, rows, self.mode)

    def check_samples(self, sha256: str) -> None:
        """Raise `RecordError` unless samples.parquet holds the rows whose hash is `sha256`."""
        check_samples(self.samples, sha256)


def default_name(model: str, header: Any) -> str:
    """Name of a run's folder: the model's, and 8 hex digits of the hash of what the journal's header says.

    The same command on the same weights finds its journal; other weights get another folder.
    """
    last = re.split(r"[/\\]", model.rstrip("/\\"))[-1]
    slug = re.sub(r"[^a-z0-9._]+", "-", last.lower()).strip("-._")[:60].rstrip("-._")
    return f"{slug or 'model'}-{digest(header)[:8]}"


def audit_bytes(audit: Audit) -> bytes:
    """The bytes of audit.json: sorted keys, two spaces, UTF-8, one newline at the end.

    Raises:
        MeasurementError: a value is NaN or infinite.
    """
    try:
        text = json.dumps(plain(audit), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode("utf-8")
    except ValueError as error:
        raise MeasurementError(f"audit.json: cannot be written: {error}") from None


def load_audit(path: str | Path, on_event: OnEvent = ignore) -> Audit:
    """Read an audit; an older one is upgraded first.

    Args:
        path: audit.json, or the folder that holds it.
        on_event: called where its hashes cannot be compared with those of newer audits.

    Raises:
        RunFolderError: there is no such file.
        RecordError: it is truncated, damaged, edited, or newer than this auditkit.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "audit.json"
    data = _read_json(path)
    version = data.get("schema_version")
    try:
        audit = Audit.model_validate(upgrade(data, str(path)))
    except ValidationError as error:
        raise RecordError(f"{path}: {first_fault(error, Audit)}; {_AGAIN}") from None
    if version is not None and version < CANONICAL_SINCE:
        on_event(Event("load", _OTHER_HASHES.format(path=path, version=version)))
    # Over the file's own content: a field added later, with a default, is not an edit.
    content = digest({key: value for key, value in data.items() if key not in ("id", "observed")})
    if version == SCHEMA_VERSION and audit.id and content != audit.id:
        raise RecordError(f"{path}: id: is not the hash of the content: it was edited or damaged; {_AGAIN}")
    return audit


def _read_json(path: Path) -> dict[str, Any]:
    raw = _read_bytes(path)
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise RecordError(f"{path}:{error.lineno}: truncated or not JSON: {error.msg}; {_AGAIN}") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not JSON: {error}; {_AGAIN}") from None
    if not isinstance(data, dict):
        raise RecordError(f"{path}: not a JSON object; {_AGAIN}")
    return data


def _read_bytes(path: Path) -> bytes:
    try:
        return read_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        raise RunFolderError(f"{path}: no such file; run `auditkit audit` first, or name the folder of a run") from None
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
