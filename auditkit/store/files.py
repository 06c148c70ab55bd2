"""Writing so that a file is either the old one or the new one, never half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from auditkit.errors import MeasurementError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def cannot_write(path: Path, error: OSError) -> MeasurementError:
    """The error to raise when `path` cannot be written; a full disk is named as such."""
    if error.errno in _FULL:
        return MeasurementError(
            f"{path}: the disk (or quota) is full; free space and give the same command again: "
            "what was journalled is kept"
        )
    return MeasurementError(f"{path}: cannot be written: {error.strerror or error}; give the same command again")


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: `os.write` may take fewer than it was given."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make a new or renamed entry of `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place, durably, when the block ends well.

    Raises:
        MeasurementError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        descriptor = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename.

    Raises:
        MeasurementError: the disk is full, or the folder cannot be written.
    """
    with replacing(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
