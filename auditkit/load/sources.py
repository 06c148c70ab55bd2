"""The door to `datasets`: rows of a file, a saved data set or one of the Hub, one by one and as they were written.

`datasets` reads a CSV with pandas, which takes "NA" for missing and "001" for 1: every column is asked for as text.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditkit.errors import PackError, did_you_mean
from auditkit.load.cells import columns_of
from auditkit.load.packs import display
from auditkit.schema import Task

BUILDERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json", ".parquet": "parquet"}
"""Suffix of a file to the reader of `datasets` that reads it."""
SEPARATOR = ";"
"""Between several labels or choices in one cell."""
SPLITS = "dataset_dict.json"
"""The file in a saved folder that holds splits."""
_SAVED = ("dataset_info.json", "state.json")


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
    found: Any
    """The `datasets.Dataset` or `datasets.IterableDataset`."""

    def only(self, columns: Iterable[str]) -> Rows:
        """The same rows with these columns alone, so that no other (an image, a sound) is decoded."""
        return replace(self, found=self.found.select_columns(list(columns))) if self.found.features else self

    def named(self, value: Any, column: str, where: str) -> Any:
        """A value of a column of class numbers as the names of its classes; any other as it is.

        Raises:
            PackError: the number of no class, with `where`, the row's place.
        """
        names = self.names.get(column)
        if names is None or value is None:
            return value
        if isinstance(value, list):
            return [self.named(one, column, where) for one in value]
        if isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        raise PackError(f'{where}: "{column}" is {value!r}, no class; classes: 0 ({names[0]}) to {len(names) - 1}')

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
    whose = f" of the task {task.name}"
    if path.is_file() or (path.suffix.lower() in BUILDERS and not path.is_dir()):
        if not path.is_file():
            raise PackError(f'{display(path)}: no such file; mend "data"{whose}')
        if task.split is not None:
            raise PackError(f'{display(path)}: a file has no splits; remove "split"{whose}')
        return file_rows(path, task.header)
    if is_saved(path):
        return saved_rows(path, task.split, whose)
    import datasets

    datasets.disable_progress_bars()
    where = display(path) if path.exists() else task.data
    try:
        found = datasets.load_dataset(task.data, task.config, revision=task.revision, streaming=True)
    except Exception as error:  # noqa: BLE001 - the Hub, the network and pyarrow raise kinds of their own
        hint = "" if path.exists() else "; name a file, a folder, or the id of a data set that can be reached"
        raise PackError(f"{where}: cannot be opened as a data set: {_line(error)}{hint}") from None
    return _rows(_split(found, where, task.split, whose), where, path.name)


def file_rows(path: Path, header: Sequence[str] = ()) -> Rows:
    """Open a table: CSV, TSV, JSON lines, JSON or Parquet, as its suffix says.

    Args:
        path: of the file.
        header: columns of a CSV or TSV file that has no header line.

    Raises:
        PackError: another suffix, an empty file, or one that `datasets` cannot read.
    """
    where = display(path)
    builder = BUILDERS.get(path.suffix.lower())
    if builder is None:
        what = path.suffix or "no suffix"
        raise PackError(f"{where}: {what} is not read; convert the file to one of {', '.join(BUILDERS)}")
    if path.stat().st_size == 0:
        raise PackError(f"{where}: the file is empty; add rows")
    import datasets

    datasets.disable_progress_bars()
    options = _as_written(path, where, header) if builder == "csv" else {}
    try:
        # a name such as data[1].csv is no pattern
        found = datasets.load_dataset(
            builder, data_files=glob.escape(str(path)), split="train", streaming=True, **options
        )
        return _rows(found, where, path.name)
    except Exception as error:  # noqa: BLE001 - pyarrow and datasets raise kinds of their own
        raise PackError(f"{where}: cannot be read as {builder}: {_line(error)}; mend the file") from None


def is_saved(path: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((path / name).is_file() for name in (*_SAVED, SPLITS))


def saved_rows(path: Path, split: str | None, whose: str = "") -> Rows:
    """Open a folder that `datasets` saved.

    Args:
        path: of the folder.
        split: the split to read, which must be there; may be `None` where there is but one or none.
        whose: what a message puts behind a setting's name, such as ` of the task mine`.

    Raises:
        PackError: the folder cannot be read, or no such split.
    """
    import datasets

    where = display(path)
    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:  # noqa: BLE001 - pyarrow and datasets raise kinds of their own
        raise PackError(f"{where}: cannot be opened as a data set: {_line(error)}") from None
    return _rows(_split(found, where, split, whose), where, path.name)


def _as_written(path: Path, where: str, header: Sequence[str]) -> dict[str, Any]:
    """Options that keep a table's cells as they are written."""
    import datasets

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    columns = columns_of(path, separator, where, header)
    text = datasets.Features({name: datasets.Value("string") for name in columns})
    options = {"sep": separator, "features": text, "keep_default_na": False, "na_filter": False, "index_col": False}
    return {**options, "names": columns, "header": None} if header else options


def _split(found: Any, where: str, split: str | None, whose: str) -> Any:
    if not isinstance(found, dict):
        if split is not None:
            raise PackError(f'{where}: the data set has no splits; remove "split"{whose}')
        return found
    there = ", ".join(found)
    if split is None and len(found) == 1:
        return next(iter(found.values()))
    if split is None:
        raise PackError(f'{where}: the data set has the splits {there}; name one as "split"{whose}')
    if split not in found:
        hint = did_you_mean(split, found, f"splits: {there}")
        raise PackError(f'{where}: there is no split "{split}"; {hint}')
    return found[split]


def _rows(found: Any, where: str, name: str) -> Rows:
    features = found.features or {}
    columns = tuple(features or next(iter(found), ()))
    return Rows(where, name, columns, dict(_class_names(features)), found)


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
