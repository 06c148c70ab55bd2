"""Opening without following links, and writing so that a file is either the old one or the new one, never half of it.

A run folder may come from a stranger: its entries may be links to the user's files, pipes or devices.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from auditkit.errors import MeasurementError, RunFolderError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
PRIVATE = 0o600
"""Mode of a file that only its owner reads."""
SHARED = 0o644
"""Mode of a file that others may read too."""
_NOT_A_FILE = "{path}: is {what}, which auditkit does not follow in a run folder; remove it, or name another folder"


def cannot_write(path: Path, error: OSError) -> MeasurementError:
    """The error to raise when `path` cannot be written; a full disk is named as such."""
    if error.errno in _FULL:
        return MeasurementError(
            f"{path}: the disk (or quota) is full; free space and give the same command again: "
            "what was journalled is kept"
        )
    return MeasurementError(f"{path}: cannot be written: {error.strerror or error}; give the same command again")


def open_plain(path: Path, flags: int, mode: int = PRIVATE) -> int:
    """Open a file of a run folder: never through a link, never a pipe or a device, without waiting.

    Args:
        path: the file; only its last part is not followed.
        flags: of `os.open`. A file that is to be written must have no second name, which may be that of another file.
        mode: of a file that is created.

    Raises:
        RunFolderError: it is a link, or no plain file.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR) or path.is_symlink():
            raise RunFolderError(_NOT_A_FILE.format(path=path, what=_kind(path))) from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RunFolderError(_NOT_A_FILE.format(path=path, what=_kind(path)))
        if flags & (os.O_WRONLY | os.O_RDWR) and status.st_nlink > 1:
            raise RunFolderError(_NOT_A_FILE.format(path=path, what="a file with a second name (a hard link)"))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _kind(path: Path) -> str:
    """What lies at a path that is no plain file."""
    kinds = {
        stat.S_ISLNK: "a symbolic link", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket", stat.S_ISDIR: "a folder",
    }
    mode = os.lstat(path).st_mode
    return next((name for is_kind, name in kinds.items() if is_kind(mode)), "a device")


def read_plain(path: Path) -> bytes:
    """All bytes of a file of a run folder; see `open_plain`."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        return file.read()


def is_plain(path: Path) -> bool:
    """Whether a plain file lies there, and no link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


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
def replacing(path: Path, mode: int = SHARED) -> Iterator[int]:
    """A descriptor of a new file beside `path` that takes its place, durably, when the block ends well.

    A link at `path` is replaced itself, and not the file that it names.

    Args:
        path: the file; its folder is made where it is missing.
        mode: of the new file, less the umask.

    Raises:
        MeasurementError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_plain(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        try:
            yield descriptor
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


def write_atomically(path: Path, data: bytes, mode: int = SHARED) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename.

    Raises:
        MeasurementError: the disk is full, or the folder cannot be written.
    """
    with replacing(path, mode) as descriptor:
        write_all(descriptor, data)
