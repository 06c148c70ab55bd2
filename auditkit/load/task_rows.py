"""The rows of a task on the user's data: its columns are found, and each row is read by the kind's names for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auditkit.errors import PackError, did_you_mean
from auditkit.load.tasks.kind import TaskKind
from auditkit.load.tasks.row import TaskRow
from auditkit.load.user_tables import UserTable
from auditkit.schema import Task


def read_rows(task: Task, kind: TaskKind, table: UserTable) -> list[TaskRow]:
    """All rows of a table, in order.

    Args:
        task: which column holds what.
        kind: what the task needs.
        table: the data.

    Raises:
        PackError: a column that is not there, a name that the kind does not have, a row that cannot be read, or no row.
    """
    _check_names(task, kind)
    beside = (*task.groups.values(), *task.clusters, *task.metadata)
    required = dict.fromkeys((*kind.inputs, *kind.truths, *task.columns))
    _check_columns(task, table, [*_columns(task, required), *beside])
    # A column that is neither required nor named is read where the data have one of the kind's name for it.
    names = [name for name in kind.columns if name in task.columns or name in required or name in table.columns]
    needed = dict.fromkeys((*_columns(task, names), *beside))
    rows = [_row(task, names, table, number, cells) for number, cells in table.only(_outermost(needed, table))]
    if not rows:
        raise PackError(f"{table.where}: there are no rows; add some")
    return rows


def _row(task: Task, names: Sequence[str], table: UserTable, number: int, cells: Mapping[str, Any]) -> TaskRow:
    place = table.place(number)
    values: dict[str, Any] = {}
    for name in names:
        several = [table.value(cells, column, place) for column in _columns(task, [name])]
        values[name] = several[0] if len(several) == 1 else several
    return TaskRow(
        number, place, values,
        groups={axis: table.value(cells, column, place) for axis, column in task.groups.items()},
        clusters={column: table.value(cells, column, place) for column in task.clusters},
        metadata={column: table.value(cells, column, place) for column in task.metadata},
        separator=task.separator,
    )


def _columns(task: Task, names: Iterable[str]) -> list[str]:
    """The data's columns for some of the kind's names; a name that is not mapped is the column's own."""
    mapped = (task.columns.get(name, name) for name in names)
    return [column for item in mapped for column in ((item,) if isinstance(item, str) else item)]


def _check_names(task: Task, kind: TaskKind) -> None:
    for name in task.columns:
        if name not in kind.columns:
            hint = did_you_mean(name, kind.columns, f"it has: {', '.join(kind.columns)}")
            raise PackError(f'task {task.name}: "columns.{name}": {task.task} has no "{name}"; {hint}')


def _check_columns(task: Task, table: UserTable, columns: Iterable[str]) -> None:
    """Every column that is named, or must be there, is there."""
    for column in columns:
        if not table.columns or column in table.columns or column.split(".")[0] in table.columns:
            continue
        listed = f"columns: {', '.join(table.columns)}"
        hint = f"{did_you_mean(column, table.columns, '')} {listed}".lstrip()
        raise PackError(
            f'{table.where}: there is no column "{column}"; {hint} (say which it is under "columns" of the task '
            f"{task.name}, or with --columns)"
        )


def _outermost(columns: Iterable[str], table: UserTable) -> list[str]:
    """The columns, and the outer ones of paths such as `answers.text`."""
    return list(dict.fromkeys(
        column if column in table.columns else column.split(".")[0] for column in columns
    ))
