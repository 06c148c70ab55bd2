"""Tables of labelled texts to samples to learn from; every fault is named by file and row."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.load.cells import columns_of
from auditkit.models.fingerprint import files_sha256
from auditkit.schema import Columns, Sample, Source, TrainingTask, digest, repair

_READERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json", ".parquet": "parquet"}
SEPARATOR = ";"
"""Between the labels of a multi-label cell that is no list."""


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
        path: CSV, TSV, JSON lines, Parquet, or a folder that `datasets` saved.
        task: decides which columns are needed.
        columns: their names.
        split: which split of a saved `DatasetDict`.

    Raises:
        PackError: no such file, another format, no rows, a missing column, an empty text, or a label that is missing
            or not what the task needs: `file, row N: column: what, and what to do`.
    """
    table = _table(path, split)
    needed = _needed(task, columns)
    there = list(table.column_names)
    for option, name in needed.items():
        if name not in there:
            raise PackError(f'{path}: no column "{name}"; there are: {", ".join(there)}; name it with --{option}')
    if not len(table):
        raise PackError(f"{path}: there are no rows")
    names = {name: _class_names(table.features.get(name)) for name in needed.values()}
    make = _MAKERS[task]
    samples = []
    for number, row in enumerate(table.select_columns(list(dict.fromkeys(needed.values()))), start=1):
        named = {name: _named(value, names[name]) for name, value in row.items()}
        try:
            fields = make(named, columns)
        except ValueError as error:
            raise PackError(f"{path}, row {number}: {error}") from None
        cluster = {} if columns.cluster is None else _cluster(named[columns.cluster])
        samples.append(Sample(
            id=f"training/{number}", benchmark="training", origin=f"training/{number}", clusters=cluster,
            source=Source(file=path.name, line=number), **fields,
        ))
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


def _table(path: Path, split: str) -> Any:
    import datasets

    kind = _READERS.get(path.suffix.lower())
    if not path.exists():
        raise PackError(f"{path}: no such file or folder; name CSV, JSON lines, Parquet, or a saved `datasets` folder")
    if path.is_dir():
        return _saved(path, split)
    if kind is None:
        raise PackError(f"{path}: {path.suffix or 'no suffix'} is not read; use {', '.join(_READERS)}")
    options = _csv_options(path) if kind == "csv" else {}
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        try:
            return datasets.load_dataset(
                kind, data_files={"train": str(path)}, split="train", cache_dir=cache, keep_in_memory=True, **options
            )
        except Exception as error:  # noqa: BLE001 - each reader raises its own
            cause = error.__cause__ or error
            if "corresponds to no data" in str(cause):
                raise PackError(f"{path}: there are no rows") from None
            lines = str(cause).strip().splitlines() or [type(cause).__name__]
            raise PackError(f"{path}: cannot be read as {kind} ({lines[0][:200]}); mend the file") from None


def _csv_options(path: Path) -> dict[str, Any]:
    """Every cell is text: else "NA" and "null" would be read as missing, and 001 as 1."""
    from datasets import Features, Value

    sep = "\t" if path.suffix.lower() == ".tsv" else ","
    features = Features({name: Value("string") for name in columns_of(path, sep, str(path))})
    return {"keep_default_na": False, "features": features, "sep": sep, "encoding": "utf-8-sig", "index_col": False}


def _saved(path: Path, split: str) -> Any:
    import datasets

    try:
        found = datasets.load_from_disk(str(path), keep_in_memory=True)
    except Exception as error:  # noqa: BLE001 - FileNotFoundError, and whatever Arrow raises
        raise PackError(f"{path}: not saved by `datasets` ({type(error).__name__}); name a file in it") from None
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            raise PackError(f'{path}: no split "{split}"; there are: {", ".join(found)}')
        return found[split]
    return found


def _class_names(feature: Any) -> Sequence[str] | None:
    """The names of a column of class numbers, or of lists of them; `None` for other columns."""
    inner = getattr(feature, "feature", feature)
    found = getattr(inner, "names", None)
    return [str(name) for name in found] if found else None


def _named(value: Any, names: Sequence[str] | None) -> Any:
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


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
