"""The door to `datasets`: a saved folder, a Parquet file, or a data set of the Hub, row by row."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditkit.errors import PackError, did_you_mean
from auditkit.load.packs import display

SPLITS = "dataset_dict.json"
"""The file in a saved folder that holds splits."""
_SAVED = ("dataset_info.json", "state.json")


@dataclass(frozen=True)
class DataSetRows:
    """Rows that are read when they are iterated over."""

    where: str
    """Name of the data in messages."""
    columns: tuple[str, ...]
    """Columns that there are."""
    class_names: dict[str, tuple[str, ...]]
    """Column (`tags`, or `translation.de`) to its class names, where it holds numbers of classes."""
    data_set: Any
    """The `datasets.Dataset` or `datasets.IterableDataset`."""

    def only(self, columns: Iterable[str]) -> DataSetRows:
        """The same rows with these columns alone, so that no other (an image, a sound) is decoded."""
        if not self.data_set.features:
            return self
        return replace(self, data_set=self.data_set.select_columns(list(columns)))

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number of the row, from 1, and its values.

        Raises:
            PackError: the data cannot be read to their end.
        """
        rows = iter(self.data_set)
        number = 0
        while True:
            number += 1
            try:
                row = next(rows, None)
            except Exception as error:  # noqa: BLE001 - pyarrow and datasets raise kinds of their own
                raise PackError(f"{self.where}: row {number}: cannot be read: {first_line(error)}") from None
            if row is None:
                return
            yield number, row


def read_parquet(path: Path) -> DataSetRows:
    """Open a Parquet file.

    Raises:
        PackError: `datasets` cannot read it.
    """
    import datasets

    where = display(path)
    datasets.disable_progress_bars()
    try:
        # A name such as data[1].parquet is not a pattern.
        files = glob.escape(str(path))
        return _rows(datasets.load_dataset("parquet", data_files=files, split="train", streaming=True), where)
    except Exception as error:  # noqa: BLE001 - pyarrow and datasets raise kinds of their own
        raise PackError(f"{where}: cannot be read as Parquet: {first_line(error)}; write the file again") from None


def is_saved(path: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((path / name).is_file() for name in (*_SAVED, SPLITS))


def read_saved(path: Path, split: str | None, task: str) -> DataSetRows:
    """Open a folder that `datasets` saved.

    Args:
        path: of the folder.
        split: the split to read, which must be there; may be `None` where there are no splits, or only one.
        task: name of the task, for messages.

    Raises:
        PackError: the folder cannot be read, or holds no such split.
    """
    import datasets

    where = display(path)
    try:
        data = datasets.load_from_disk(str(path))
    except Exception as error:  # noqa: BLE001 - pyarrow and datasets raise kinds of their own
        raise PackError(f"{where}: cannot be opened as a data set: {first_line(error)}") from None
    return _rows(_split(data, where, split, task), where)


def read_hub(name: str, config: str | None, revision: str | None, split: str | None, task: str) -> DataSetRows:
    """Open a data set of the Hub, or a folder in the Hub's layout.

    Args:
        name: its id, or the folder.
        config: its configuration, where it has several.
        revision: branch, tag or commit.
        split: as for `read_saved`.
        task: name of the task, for messages.

    Raises:
        PackError: it cannot be opened, or holds no such split.
    """
    import datasets

    datasets.disable_progress_bars()
    exists = Path(name).exists()
    where = display(Path(name)) if exists else name
    try:
        data = datasets.load_dataset(name, config, revision=revision, streaming=True)
    except Exception as error:  # noqa: BLE001 - the Hub, the network and pyarrow raise kinds of their own
        hint = "" if exists else "; name a file, a folder, or the id of a data set that can be reached"
        raise PackError(f"{where}: cannot be opened as a data set: {first_line(error)}{hint}") from None
    return _rows(_split(data, where, split, task), where)


def _split(data: Any, where: str, split: str | None, task: str) -> Any:
    if not isinstance(data, dict):
        if split is not None:
            raise PackError(f'{where}: the data set has no splits; remove "split" of the task {task}')
        return data
    names = ", ".join(data)
    if split is None and len(data) == 1:
        return next(iter(data.values()))
    if split is None:
        raise PackError(f'{where}: the data set has the splits {names}; name one as "split" of the task {task}')
    if split not in data:
        hint = did_you_mean(split, data, f"splits: {names}")
        raise PackError(f'{where}: there is no split "{split}"; {hint}')
    return data[split]


def _rows(data: Any, where: str) -> DataSetRows:
    features = data.features or {}
    columns = tuple(features or next(iter(data), ()))
    return DataSetRows(where, columns, dict(_class_names(features)), data)


def _class_names(features: Any, column: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    import datasets

    if isinstance(features, datasets.ClassLabel):
        yield column, tuple(features.names)
    elif isinstance(features, (datasets.List, datasets.LargeList)):
        yield from _class_names(features.feature, column)
    elif isinstance(features, dict):
        for name, feature in features.items():
            yield from _class_names(feature, f"{column}.{name}" if column else name)


def first_line(error: Exception) -> str:
    """The kind of a library's error, and the first line of what it says."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
