"""Tables of labelled texts to samples to learn from; every fault is named by file and row."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.load.sources import BUILDERS, SEPARATOR, SPLITS, Rows, file_rows, is_saved, saved_rows
from auditkit.models.weights.fingerprint import files_sha256
from auditkit.schema import Columns, Sample, Source, TrainingTask, digest, repair


@dataclass(frozen=True)
class Labelled:
    """Samples to learn from."""

    name: str
    """Name of the file or folder."""
    sha256: str
    """Hash of its content."""
    samples: tuple[Sample, ...]
    """Texts in `input` (`text`, `text_pair`) or `words`; truth in `target`, `references` or `tags`."""


def read_labelled(path: Path, task: TrainingTask, columns: Columns, split: str = "train") -> Labelled:
    """Read a table of labelled rows.

    Args:
        path: CSV, TSV, JSON lines, JSON, Parquet, or a folder that `datasets` saved.
        task: decides which columns are needed.
        columns: their names.
        split: which split of a saved `DatasetDict`.

    Raises:
        PackError: no such file, another format, no rows, a missing column, an empty text, or a label that is missing
            or not what the task needs: `file: row N: column: what, and what to do`.
    """
    rows = _opened(path, split)
    needed = _needed(task, columns)
    for option, name in needed.items():
        if rows.columns and name not in rows.columns:
            there = ", ".join(rows.columns)
            raise PackError(f'{rows.where}: no column "{name}"; there are: {there}; name it with --{option}')
    make = _MAKERS[task]
    samples = []
    read = list(dict.fromkeys(needed.values()))
    for number, row in rows.only(read):
        where = f"{rows.where}: row {number}"
        named = {name: rows.named(row.get(name), name, where) for name in read}
        try:
            fields = make(named, columns)
        except ValueError as error:
            raise PackError(f"{where}: {error}") from None
        cluster = {} if columns.cluster is None else _cluster(named[columns.cluster])
        samples.append(Sample(
            id=f"training/{number}", benchmark="training", origin=f"training/{number}", clusters=cluster,
            source=Source(file=path.name, line=number), **fields,
        ))
    if not samples:
        raise PackError(f"{rows.where}: there are no rows; add some")
    return Labelled(path.name, _sha256(path), tuple(samples))


def _needed(task: TrainingTask, columns: Columns) -> dict[str, str]:
    """Option to the column that it names, for the columns that a task reads."""
    if task == "tagging":
        needed = {"words-column": columns.words, "tags-column": columns.tags}
    else:
        needed = {"text-column": columns.text, "label-column": columns.label}
        if task == "pair-classification":
            needed["text-pair-column"] = columns.text_pair
    return needed | ({} if columns.cluster is None else {"cluster-column": columns.cluster})


def _opened(path: Path, split: str) -> Rows:
    if not path.exists():
        files = ", ".join(BUILDERS)
        raise PackError(f"{path}: no such file or folder; name a file ({files}) or a folder that `datasets` saved")
    if not path.is_dir():
        return file_rows(path)
    if not is_saved(path):
        raise PackError(f"{path}: not saved by `datasets`; name a file in it")
    return saved_rows(path, split if (path / SPLITS).is_file() else None)


def _cluster(value: Any) -> dict[str, str]:
    """A row's cluster id; a row without one has only its text for a cluster."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or str(value).strip() == ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return {} if missing else {"cluster": str(value)}


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row[column]
    if not isinstance(value, str):
        raise ValueError(f'"{column}" is {"missing" if value is None else "no text"}; give a text, or remove the row')
    if not value.strip():
        raise ValueError(f'"{column}" is empty; give a text, or remove the row')
    return repair(value)[0]


def _label(value: Any, column: str) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or str(value).strip() == ""
    if missing or isinstance(value, (list, dict)):
        what = "missing (empty, null or NaN)" if missing else "a list"
        raise ValueError(f'"{column}" is {what}; give one label, or remove the row')
    if isinstance(value, (dt.date, dt.time)):  # what a reader of JSON makes of such text: not as it was written
        raise ValueError(f'"{column}" was read as a date or time; use CSV, whose cells are read as they are written')
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower() if isinstance(value, bool) else repair(str(value).strip())[0]


def _several(value: Any, column: str, separator: str | None, *, none: bool = False) -> tuple[str, ...]:
    """Several labels; with `none` the cell `[]` holds none."""
    if isinstance(value, str):
        parts = [part for part in value.split(separator) if part.strip()]
        value = [] if none and parts == ["[]"] else parts or None
    if not isinstance(value, list):
        remedy = "write [] if there is none" if none else "give a list"
        raise ValueError(f'"{column}" is {"missing" if value is None else "no list"}; {remedy}, or remove the row')
    return tuple(_label(each, column) for each in value)


def _classified(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    return {"input": {"text": _text(row, columns.text)}, "target": _label(row[columns.label], columns.label)}


def _pair(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    made = _classified(row, columns)
    made["input"]["text_pair"] = _text(row, columns.text_pair)
    return made


def _multi_label(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    labels = _several(row[columns.label], columns.label, SEPARATOR, none=True)
    return {"input": {"text": _text(row, columns.text)}, "references": tuple(dict.fromkeys(labels))}


def _number(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    try:
        number = float(row[columns.label])
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f'"{columns.label}" is no finite number ({row[columns.label]!r}); mend or remove the row')
    return {"input": {"text": _text(row, columns.text)}, "target": repr(number)}


def _tagged(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    words = _several(row[columns.words], columns.words, None)
    tags = _several(row[columns.tags], columns.tags, None)
    if not words:
        raise ValueError(f'"{columns.words}" is empty; give words, or remove the row')
    if len(words) != len(tags):
        raise ValueError(f'{len(words)} words in "{columns.words}", but {len(tags)} tags in "{columns.tags}"')
    return {"words": words, "tags": tags}


_MAKERS: dict[TrainingTask, Callable[[Mapping[str, Any], Columns], dict[str, Any]]] = {
    "classification": _classified, "pair-classification": _pair, "multi-label-classification": _multi_label,
    "regression": _number, "tagging": _tagged,
}


def _sha256(path: Path) -> str:
    if path.is_file():
        return files_sha256([path])
    files = sorted(one for one in path.rglob("*") if one.is_file())
    return digest([(one.relative_to(path).as_posix(), files_sha256([one])) for one in files])
