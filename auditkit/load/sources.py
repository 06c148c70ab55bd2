"""The door to `datasets`: rows of a file, a saved data set or one of the Hub, one by one and as they were written.

`datasets` reads a CSV with pandas, which takes "NA" for missing and "001" for 1: every column is asked for as text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.load.cells import columns_of
from auditkit.load.packs import display
from auditkit.schema import Task

BUILDERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".parquet": "parquet"}
_SAVED = ("dataset_info.json", "state.json", "dataset_dict.json")


@dataclass(frozen=True)
class Rows:
    """Rows that are read when they are iterated over."""

    where: str
    """Name of the data in messages."""
    name: str
    """Name of the data in `Source.file`."""
    columns: tuple[str, ...]
    """Columns that there are."""
    names: dict[str, tuple[str, ...]]
    """Column (`tags`, or `translation.de`) to its class names, where it holds numbers of classes."""
    found: Iterable[dict[str, Any]]

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number of the row, from 1, and its values.

        Raises:
            PackError: the file cannot be read to its end.
        """
        rows = iter(self.found)
        number = 0
        while True:
            number += 1
            try:
                row = next(rows, None)
            except Exception as error:  # noqa: BLE001 - pandas, pyarrow and datasets raise kinds of their own
                raise PackError(f"{self.where}: row {number}: cannot be read: {_line(error)}") from None
            if row is None:
                return
            yield number, row


def open_rows(task: Task) -> Rows:
    """Open the data of a task.

    Raises:
        PackError: no such file, split or data set, an empty file, or one that `datasets` cannot read.
    """
    path = Path(task.data)
    if path.suffix in BUILDERS or path.is_file():
        return _file(task, path)
    import datasets

    datasets.disable_progress_bars()
    where = display(path) if path.exists() else task.data
    try:
        if path.is_dir() and any((path / name).is_file() for name in _SAVED):
            found = datasets.load_from_disk(str(path))
        else:
            found = datasets.load_dataset(task.data, task.config, revision=task.revision, streaming=True)
    except Exception as error:  # noqa: BLE001 - the Hub, the network and pyarrow raise kinds of their own
        hint = "" if path.exists() else "; name a file, a folder, or the id of a data set that can be reached"
        raise PackError(f"{where}: cannot be opened as a data set: {_line(error)}{hint}") from None
    return _rows(_split(task, where, found), where, path.name)


def _file(task: Task, path: Path) -> Rows:
    where = display(path)
    if path.suffix not in BUILDERS:
        raise PackError(f"{where}: data are {', '.join(BUILDERS)} files; convert the file")
    if not path.is_file():
        raise PackError(f"{where}: no such file; mend \"data\" of the task {task.name}")
    if path.stat().st_size == 0:
        raise PackError(f"{where}: the file is empty; add rows")
    if task.split is not None:
        raise PackError(f'{where}: a file has no splits; remove "split" of the task {task.name}')
    import datasets

    datasets.disable_progress_bars()
    options = _table(task, path, where) if BUILDERS[path.suffix] == "csv" else {}
    try:
        found = datasets.load_dataset(
            BUILDERS[path.suffix], data_files=str(path), split="train", streaming=True, **options
        )
        return _rows(found, where, path.name)
    except Exception as error:  # noqa: BLE001 - pyarrow and datasets raise kinds of their own
        raise PackError(f"{where}: cannot be read: {_line(error)}") from None


def _table(task: Task, path: Path, where: str) -> dict[str, Any]:
    """Options that keep a table's cells as they are written."""
    import datasets

    separator = "\t" if path.suffix == ".tsv" else ","
    columns = columns_of(path, separator, where, task.header)
    text = datasets.Features({name: datasets.Value("string") for name in columns})
    options = {"sep": separator, "features": text, "keep_default_na": False, "na_filter": False, "index_col": False}
    return {**options, "names": columns, "header": None} if task.header else options


def _split(task: Task, where: str, found: Any) -> Any:
    if not isinstance(found, dict):
        if task.split is not None:
            raise PackError(f'{where}: the data set has no splits; remove "split" of the task {task.name}')
        return found
    there = ", ".join(found)
    if task.split is None and len(found) == 1:
        return next(iter(found.values()))
    if task.split is None:
        raise PackError(f'{where}: the data set has the splits {there}; name one as "split" of the task {task.name}')
    if task.split not in found:
        close = difflib.get_close_matches(task.split, found, n=1, cutoff=0.5)
        hint = f'did you mean "{close[0]}"?' if close else f"splits: {there}"
        raise PackError(f'{where}: there is no split "{task.split}"; {hint}')
    return found[task.split]


def _rows(found: Any, where: str, name: str) -> Rows:
    import itertools

    features = found.features or {}
    columns = tuple(features)
    rows: Iterable[dict[str, Any]] = found
    if not columns:
        ahead = iter(found)
        first = next(ahead, None)
        columns, rows = tuple(first or ()), itertools.chain([first] if first else [], ahead)
    return Rows(where, name, columns, dict(_class_names(features)), rows)


def _class_names(features: Any, at: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    import datasets

    if isinstance(features, datasets.ClassLabel):
        yield at, tuple(features.names)
    elif isinstance(features, (datasets.List, datasets.LargeList)):
        yield from _class_names(features.feature, at)
    elif isinstance(features, dict):
        for name, feature in features.items():
            yield from _class_names(feature, f"{at}.{name}" if at else name)


def _line(error: Exception) -> str:
    """The first line of what a library says, and its kind."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
