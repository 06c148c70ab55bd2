"""One writer a journal: an exclusive lock, and who holds it."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
from pathlib import Path

from auditkit.errors import RunFolderError
from auditkit.store.files import PRIVATE, open_plain, read_plain, write_all


def open_locked(path: Path, mode: int = PRIVATE) -> int:
    """Open (or create) a journal and lock it for as long as the descriptor is open.

    The lock is on the file, not on its name: if another process replaces the file between opening and locking, it is
    opened again.

    Args:
        path: the journal.
        mode: of the file, whoever made it.

    Returns:
        The descriptor, for reading and appending.

    Raises:
        RunFolderError: another process holds the lock, or the file cannot be opened or is no plain file.
    """
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_plain(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode)
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be opened: {error.strerror}; give --out another folder") from error
        try:
            _lock(path, descriptor)
            if _is_current(path, descriptor):
                os.fchmod(descriptor, mode)
                _write_holder(path)
                return descriptor
        except OSError as error:
            os.close(descriptor)
            raise RunFolderError(f"{path}: cannot be locked: {error.strerror}; give --out another folder") from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def release(path: Path, descriptor: int) -> None:
    """Give the lock back."""
    with contextlib.suppress(OSError):
        _holder(path).unlink(missing_ok=True)
    os.close(descriptor)


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunFolderError(
            f"{path}: {_describe_holder(path)} is writing to it; wait until it ends, or give --out another folder"
        ) from None


def _is_current(path: Path, descriptor: int) -> bool:
    """Whether the path still names the open file."""
    opened = os.fstat(descriptor)
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)


def _holder(path: Path) -> Path:
    """Where the holder of the lock writes who it is: `flock` does not say."""
    return path.with_name("journal.lock")


def _write_holder(path: Path) -> None:
    data = {"pid": os.getpid(), "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    with contextlib.suppress(OSError, RunFolderError):  # the lock holds without it
        _holder(path).unlink(missing_ok=True)  # whatever lies there, a link included: who held the lock is gone
        descriptor = open_plain(_holder(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            write_all(descriptor, json.dumps(data).encode("utf-8"))
        finally:
            os.close(descriptor)


def _describe_holder(path: Path) -> str:
    try:
        data = json.loads(read_plain(_holder(path)))
        return f"process {int(data['pid'])} (since {data['since']})"
    except (OSError, RunFolderError, ValueError, KeyError, TypeError):
        return "another process"
