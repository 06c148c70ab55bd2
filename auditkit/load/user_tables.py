"""The user's own data: a file, a folder or a data set of the Hub as rows, with the place of each for messages.

CSV and JSON are read by auditkit itself, from one reading of the file, whose bytes are also what is hashed; `datasets`
reads the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.formats.json_rows import json_lines, json_list
from auditkit.formats.tables import read_table, separator_of
from auditkit.formats.text import decode
from auditkit.load.data_sets import DataSetRows, is_saved, read_hub, read_parquet, read_saved
from auditkit.load.packs import display
from auditkit.schema import Task

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
"""Of the files that are read."""


@dataclass(frozen=True)
class UserTable:
    """Rows by column, and how messages name them."""

    where: str
    """Name of the data in messages."""
    name: str
    """Name of the data in `Source.file`."""
    columns: tuple[str, ...]
    """Columns that there are; a row of JSON may lack some of them."""
    rows: Iterable[tuple[int, Mapping[str, Any]]]
    """Line, or number, of each row from 1, and its values."""
    class_names: Mapping[str, tuple[str, ...]]
    """Column (`tags`, or `translation.de`) to its class names, where it holds numbers of classes."""
    lines: bool = False
    """Whether a row is known by the line of the file on which it begins."""
    sha256: str | None = None
    """Hash of the file's bytes, where one file was read whole."""
    notes: tuple[str, ...] = ()
    """How the file was read, where that is not as its suffix says."""

    def place(self, number: int) -> str:
        """A row as messages name it: `reviews.csv:3`, or `saved: row 2` where there are no lines."""
        return f"{self.where}:{number}" if self.lines else f"{self.where}: row {number}"

    def only(self, columns: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The rows; of a data set with these columns alone, so that no other (an image, a sound) is decoded."""
        return iter(self.rows.only(columns) if isinstance(self.rows, DataSetRows) else self.rows)

    def value(self, row: Mapping[str, Any], column: str, place: str) -> Any:
        """A value by its column, or by its path inside nested ones (`answers.text`); the names of numbered classes.

        Raises:
            PackError: no such path, or the number of no class, with `place`.
        """
        return self._with_class_names(self._inside(row, column, place), column, place)

    def _inside(self, row: Mapping[str, Any], column: str, place: str) -> Any:
        if column in self.columns:
            return row.get(column)
        first, *path = column.split(".")
        value = row.get(first)
        for part in path:
            if value is None:
                return None
            if isinstance(value, list):
                value = [item.get(part) for item in value if isinstance(item, dict)]
            elif isinstance(value, Mapping) and part in value:
                value = value[part]
            else:
                keys = ", ".join(value) if isinstance(value, Mapping) else type(value).__name__
                raise PackError(f'{place}: "{column}": there is no "{part}" in {keys}')
        return value

    def _with_class_names(self, value: Any, column: str, place: str) -> Any:
        names = self.class_names.get(column)
        if names is None or value is None:
            return value
        if isinstance(value, list):
            return [self._with_class_names(item, column, place) for item in value]
        if isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        last = len(names) - 1
        raise PackError(f'{place}: "{column}" is {value!r}, not a class; classes: 0 ({names[0]}) to {last}')


def open_table(task: Task) -> UserTable:
    """Open the data of a task.

    Raises:
        PackError: no such file, split or data set, another suffix, or data that `datasets` cannot read.
        FormatError: a text file that is empty, or not what its suffix says.
    """
    path = Path(task.data)
    if path.is_file() or (path.suffix.lower() in SUFFIXES and not path.is_dir()):
        if not path.is_file():
            raise PackError(f'{display(path)}: no such file; correct "data" of the task {task.name}')
        if task.split is not None:
            raise PackError(f'{display(path)}: a file has no splits; remove "split" of the task {task.name}')
        return _file(path, task)
    if is_saved(path):
        return _of_data_set(read_saved(path, task.split, task.name), path)
    return _of_data_set(read_hub(task.data, task.config, task.revision, task.split, task.name), path)


def _of_data_set(rows: DataSetRows, path: Path) -> UserTable:
    return UserTable(rows.where, path.name, rows.columns, rows, rows.class_names)


def _file(path: Path, task: Task) -> UserTable:
    where, suffix = display(path), path.suffix.lower()
    if suffix not in SUFFIXES:
        what = path.suffix or "no suffix"
        raise PackError(f"{where}: {what} is not read; convert the file to one of {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        return _of_data_set(read_parquet(path), path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PackError(f"{where}: cannot be read: {error.strerror or error}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if suffix in (".csv", ".tsv"):
        usual = "\t" if suffix == ".tsv" else ","
        mark = separator_of(content, where, usual, columns=len(task.header))
        table = read_table(content, where, delimiter=mark, columns=task.header or None, blank_lines=True)
        unusual = "" if mark == usual else f"cells are separated by {'tabs' if mark == chr(9) else mark}"
        notes = tuple(note for note in (unusual, table.note) if note)
        return UserTable(where, path.name, table.columns, table.rows, {}, lines=True, sha256=sha256, notes=notes)
    listed = suffix == ".json" and decode(content, where).lstrip().startswith("[")
    objects = json_list(content, where, nan=True) if listed else json_lines(content, where, blank_lines=True, nan=True)
    rows = list(objects)
    columns = tuple(dict.fromkeys(column for _, row in rows for column in row))
    return UserTable(where, path.name, columns, rows, {}, lines=not listed, sha256=sha256)
