"""Published data that were pulled: one folder a content hash, so that a file can be checked without any card."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditkit.store.files import write_atomically
from auditkit.store.paths import cache_home


@dataclass(frozen=True)
class PulledFile:
    """A pulled file."""

    path: Path
    sha256: str
    """The hash that it was pulled by."""
    actual: str
    """The hash of its bytes now."""

    @property
    def intact(self) -> bool:
        """Whether the bytes are those that were pulled."""
        return self.actual == self.sha256


def data_home() -> Path:
    """Folder of pulled data; not created here."""
    return cache_home() / "data"


def pulled_path(sha256: str, name: str) -> Path:
    """Where a pulled file lies, there or not.

    Args:
        sha256: hash of its bytes.
        name: its file name; folders in it are dropped.
    """
    return data_home() / sha256 / Path(name).name


def save_pulled(sha256: str, name: str, content: bytes) -> Path:
    """Write a pulled file, whole or not at all. The caller has checked the hash.

    Raises:
        MeasurementError: the disk is full, or the folder cannot be written.
    """
    path = pulled_path(sha256, name)
    write_atomically(path, content)
    return path


def pulled_files() -> Iterator[PulledFile]:
    """All pulled files, each read and hashed, sorted by path."""
    for path in sorted(data_home().glob("*/*")):
        if len(path.parent.name) == 64 and path.is_file() and not path.name.startswith("."):
            yield PulledFile(path, path.parent.name, sha256_of(path))


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
