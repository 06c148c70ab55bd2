"""A task on the user's own data becomes a benchmark: its rows become samples, and a card says what they are."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from auditkit.errors import ConfigError, PackError
from auditkit.load.files import Row
from auditkit.load.languages import LATIN, language_of
from auditkit.load.packs import reserved_names
from auditkit.load.samples import samples_of
from auditkit.load.task_rows import read_rows
from auditkit.load.tasks.card import card_for
from auditkit.load.tasks.groups import axes_of, groups_of
from auditkit.load.tasks.kind import Classes, TaskKind, label_of, open_kind
from auditkit.load.tasks.row import TaskRow
from auditkit.load.user_tables import UserTable, open_table
from auditkit.schema import Benchmark, Sample, Task, TaskClass, canonical
from auditkit.schema.event import Event, OnEvent, ignore

MOST_CLASSES = 1000
"""More different labels than that are taken for another column."""

MOST_RATED = 8
"""Most classes whose error rates are measured where the task does not say which matter."""


def open_task(task: Task, on_event: OnEvent = ignore) -> tuple[Benchmark, list[Sample]]:
    """Read a task's data.

    Args:
        task: what the user said.
        on_event: told how the data were read, where that had to be found out; the card's limits say it too.

    Returns:
        The card, whose hash and number of rows are those of the content, and the samples.

    Raises:
        ConfigError: the task bears the name of a pack that auditkit knows.
        RegistryError: there is no such kind of task.
        FormatError: a text file that is not what its suffix says.
        PackError: `file:line: what, and what to do` for a column that is not there, an empty text, a missing or unknown
            label, a wrong type, a doubled id, or two rows that ask the same and differ in the answer.
    """
    if task.name in reserved_names():
        raise ConfigError(f'tasks: "name": {task.name} is a pack that auditkit brings; give the task another name')
    kind = open_kind(task.task)
    table = open_table(task)
    task_rows = read_rows(task, kind, table)
    classes = _classes(task, kind, table, task_rows)
    notes = table.notes
    if task.language is None:
        task = task.model_copy(update={"language": _language(kind, task_rows)})
        if task.language != LATIN:
            taken = "none, since several are written in its script" if task.language == "und" else task.language
            notes += (f"the language is not given; by its script it is taken for {taken}",)
    if kind.settle is not None:
        task_rows, settled = kind.settle(task_rows)
        notes += settled
    for note in notes:
        on_event(Event("load", f"{task.name}: {note}"))
    rows: list[Row] = []
    content = hashlib.sha256()
    groups = groups_of(task_rows)
    for task_row, named in zip(task_rows, groups, strict=True):
        data = {**_shared(task, kind, task_row), "groups": named, **kind.truth(task_row, classes)}
        content.update(canonical(data) + b"\n")
        rows.append(Row(task_row.number, data))
    card = card_for(
        task, kind, classes, positive=_positive(task, kind, classes, task_rows), axes=axes_of(groups), rows=len(rows),
        sha256=content.hexdigest(), source=table.name, notes=notes,
    )
    return samples_of(
        card, ((table.name, table.place(row.line), row) for row in rows), conflicts=task.conflicts == "leave-out"
    )


def _language(kind: TaskKind, rows: Sequence[TaskRow]) -> str:
    """Of the right answers where they are texts, else of what is asked."""
    names = kind.truths if kind.request in ("generate", "extract") else (*kind.inputs, *kind.truths)
    values = [row.values.get(name) for row in rows for name in names]
    texts = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return language_of(text for text in texts if isinstance(text, str))


def _shared(task: Task, kind: TaskKind, row: TaskRow) -> dict[str, Any]:
    """What every kind's row has: input, clusters, metadata, id."""
    fields = kind.input_of(row)
    metadata = {name: _plain(value, row.place, name) for name, value in row.metadata.items()}
    data: dict[str, Any] = {
        "input": fields, "metadata": {"language": task.language, **metadata},
        # Rows without a cluster column depend only where they ask the same.
        "clusters": row.cluster_ids() or {"input": hashlib.sha256(canonical(sorted(fields.items()))).hexdigest()[:12]},
    }
    if "id" in row.values:
        data["id"] = row.text("id")
    return data


def _plain(value: Any, place: str, name: str) -> str | int | float | bool | None:
    if value is None or isinstance(value, (str, int, bool)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    what = f"{type(value).__name__} ({str(value)[:40]})"
    raise PackError(f'{place}: "{name}" is {what}; metadata are texts and numbers')


def _classes(task: Task, kind: TaskKind, table: UserTable, rows: Sequence[TaskRow]) -> Classes:
    """The classes of a classification: as the task names them, of the ClassLabel, or all that the data hold."""
    if kind.labels is None:
        return ()
    classes = task.labels or tuple(TaskClass(value=value) for value in _values(task, kind, table, rows))
    if len(classes) < 2:
        hint = f'give all under "labels" of the task {task.name}'
        raise PackError(f'{table.where}: "label" holds one class only; {hint}')
    return tuple(_complete(item) for item in classes)


def _positive(task: Task, kind: TaskKind, classes: Classes, rows: Sequence[TaskRow]) -> list[str]:
    """The model's names of the classes whose error rates are measured: those that the task names, else the most
    frequent."""
    if task.positive and not kind.class_metrics:
        raise PackError(f'task {task.name}: "positive": {task.task} has no error rates of a class; remove it')
    if task.positive:
        return [label_of(value.strip(), classes, f"task {task.name}", "positive") for value in task.positive]
    if not kind.class_metrics or kind.labels is None:
        return []
    counts = Counter(label for row in rows for label in kind.labels(row))
    ordered = sorted(classes, key=lambda item: -counts[item.value.strip()])
    return [item.label for item in ordered[:MOST_RATED]]


def _values(task: Task, kind: TaskKind, table: UserTable, rows: Sequence[TaskRow]) -> Sequence[str]:
    column = task.columns.get("label", "label")
    values: Sequence[str] = table.class_names.get(column if isinstance(column, str) else column[0], ())
    if not values:
        assert kind.labels is not None
        values = sorted({label for row in rows for label in kind.labels(row)})
    if len(values) > MOST_CLASSES:
        raise PackError(f'{table.where}: "label" holds {len(values)} different values; is it the right column?')
    return values


def _complete(item: TaskClass) -> TaskClass:
    label = item.label or item.value
    return TaskClass(value=item.value, label=label, text=item.text or label.replace("_", " "))
