"""Where a model is trained before it is finished: a hidden folder beside the one that it will get."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditkit.errors import RunFolderError
from auditkit.store.files import cannot_write, is_plain, read_plain, write_atomically
from auditkit.store.lock import open_locked, release


def interrupted(folder: Path) -> bool:
    """Whether an interrupted training of this folder left checkpoints to go on from."""
    return any((_beside(folder) / "checkpoints").glob("*"))


@contextmanager
def training_folder(folder: Path, origin: str, *, resume: bool) -> Iterator[Path]:
    """A hidden folder beside `folder`, locked; removed at the end, but for the checkpoints of what did not end well.

    Args:
        folder: the finished model's.
        origin: hash of what the training starts from; a resume must have the same.
        resume: go on from the checkpoints.

    Raises:
        RunFolderError: nothing to resume, something else to resume, checkpoints that would be lost, or another process.
        MeasurementError: the disk is full.
    """
    work = _beside(folder)
    mark = work / "of"
    _refuse_links(work)
    if resume and not is_plain(mark):
        raise RunFolderError(f"{folder}: no interrupted training was found to go on with; leave out --resume")
    if resume and read_plain(mark) != origin.encode("utf-8"):
        raise RunFolderError(
            f"{folder}: the interrupted training had another base, other rows or other settings; "
            f"give the same again, or remove {work} to begin from the start"
        )
    lock = work / "lock"
    descriptor = open_locked(lock)
    keep = False
    try:
        _begin(work, mark, origin, resume=resume)
        yield work
    except BaseException as error:
        keep = interrupted(folder)  # what --resume goes on from
        if isinstance(error, OSError):
            raise cannot_write(folder, error) from error
        raise
    finally:
        release(lock, descriptor)
        if not keep:
            shutil.rmtree(work, ignore_errors=True)


def _beside(folder: Path) -> Path:
    return folder.absolute().parent / f".{folder.name}.part"


def _refuse_links(work: Path) -> None:
    """Refuse a folder that leads somewhere else: what lies there would be removed, or written over."""
    for folder in (work, work / "checkpoints", work / "model", *(work / "checkpoints").glob("*")):
        if folder.is_symlink():
            raise RunFolderError(f"{folder}: is a symbolic link, which a training does not follow; remove it")


def _begin(work: Path, mark: Path, origin: str, *, resume: bool) -> None:
    """Remove what an earlier training left, but never the checkpoints that a training can go on from."""
    if not resume and any((work / "checkpoints").glob("*")):
        raise RunFolderError(
            f"{work}: holds the checkpoints of an interrupted training; go on with it: --resume, or remove that folder"
        )
    shutil.rmtree(work / "model", ignore_errors=True)
    (work / "checkpoints").mkdir(exist_ok=True)
    write_atomically(mark, origin.encode("utf-8"))
