"""Labelled rows to learn from, read as an audit reads the user's data: the same kinds, names, separators and faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import PackError, UsageError
from auditkit.load.data_sets import SPLITS, is_saved
from auditkit.load.task_rows import read_rows
from auditkit.load.tasks.kind import TaskKind, open_kind
from auditkit.load.tasks.row import TaskRow
from auditkit.load.user_tables import SUFFIXES, UserTable, open_table
from auditkit.models.weights.fingerprint import file_sha256, files_sha256
from auditkit.schema import Sample, Source, Task, digest


@dataclass(frozen=True)
class TrainingRows:
    """Samples to learn from."""

    name: str
    """Name of the file or folder."""
    sha256: str
    """Hash of its content: of a file, the sha256 of its bytes."""
    samples: tuple[Sample, ...]
    """Texts in `input` (`text`, `text_pair`) or `words`; truth in `target`, `references` or `tags`."""


def read_training_rows(task: Task) -> TrainingRows:
    """Read a table of labelled rows.

    Args:
        task: the data (a file, or a folder that `datasets` saved), the kind of task, and which column holds what. A
            second text is read where a column is named for it; a row without a cluster id shares only its text.
            `split` counts only for a folder that holds splits.

    Raises:
        UsageError: a kind of task that cannot be learnt.
        PackError, FormatError: no such data, or a row that is not what the task needs, as `open_task` says.
    """
    kind = open_kind(task.task)
    if not kind.learnt_metrics:
        raise UsageError(f"{task.task} cannot be learnt; `auditkit finetune --help` lists the tasks that can")
    path = Path(task.data)
    table = open_table(task.model_copy(update={"split": _split(path, task)}))
    rows = read_rows(task, kind, table)
    if kind.settle is not None:
        rows, _ = kind.settle(rows)
    samples = tuple(_sample(task, kind, table, row, number) for number, row in enumerate(rows, start=1))
    return TrainingRows(path.name, table.sha256 or _sha256(path), samples)


def _split(path: Path, task: Task) -> str | None:
    """The split to read; only a file or a saved folder holds rows to learn from."""
    if not path.exists():
        files = ", ".join(SUFFIXES)
        raise PackError(f"{path}: no such file or folder; name a file ({files}) or a folder that `datasets` saved")
    if path.is_dir() and not is_saved(path):
        raise PackError(f"{path}: not saved by `datasets`; name a file in it")
    return task.split if (path / SPLITS).is_file() else None


def _sample(task: Task, kind: TaskKind, table: UserTable, row: TaskRow, number: int) -> Sample:
    fields = kind.input_of(row)
    if kind.optional not in task.columns:
        fields.pop(kind.optional, None)
    elif not fields[kind.optional].strip():
        raise PackError(f'{row.place}: "{kind.optional}" is missing; fill it, or remove the row')
    return Sample(
        id=f"{task.name}/{number}", benchmark=task.name, origin=f"{task.name}/{number}", input=fields,
        clusters=row.cluster_ids(missing=True), source=Source(file=table.name, line=row.number),
        **kind.truth(row, ()),
    )


def _sha256(path: Path) -> str:
    """Hash of data that `datasets` read: of a file's bytes, or of all files of a folder."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return digest([(file.relative_to(path).as_posix(), files_sha256([file])) for file in files])
