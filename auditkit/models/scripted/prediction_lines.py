"""The lines of a file of saved predictions: JSONL or CSV to one value a line, every fault named by file and line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import ModelError, did_you_mean
from auditkit.formats.json_rows import json_lines
from auditkit.formats.tables import read_table, separator_of
from auditkit.models.scripted import PREDICTIONS_SCHEME
from auditkit.schema import repair

_TEXTS = ("answer", "text", "span", "error", "refused", "rule")
_VALUES = ("answer", "scores", "probabilities", "number", "text", "tags", "span", "error", "refused")
_INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""Columns in which pandas writes the numbers of its rows."""
_COLUMNS = ("id", *_VALUES, "rule")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One line of the file."""

    where: str
    """`file:line`, for messages."""
    id: str
    """As written."""
    column: str
    """Which of the value columns it has."""
    value: Any
    """Text, a number, a tuple of numbers or tags, or a mapping of label to probability."""
    rule: str | None = None


def read_content(path: Path) -> bytes:
    """The bytes of a file of predictions.

    Raises:
        ModelError: neither .jsonl nor .csv, not there, or not readable.
    """
    if path.suffix not in (".jsonl", ".csv", ".tsv"):
        raise ModelError(f"{path}: predictions are a .jsonl, .csv or .tsv file; convert it")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; write {PREDICTIONS_SCHEME}FILE") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_lines(content: bytes, path: Path) -> Iterator[Prediction]:
    """The lines of a file, checked one by one.

    Raises:
        FormatError, ModelError: `file:line: what, and what to do`.
    """
    where = str(path)
    rows: Iterable[tuple[int, dict[str, Any]]]
    if path.suffix == ".jsonl":
        # A model may write half a character, and a number that is not finite is named with its column below.
        rows = json_lines(content, where, nan=True, surrogates=True)
    else:
        usual = "\t" if path.suffix == ".tsv" else ","
        table = read_table(content, where, delimiter=separator_of(content, where, usual))
        rows = ((line, _nested(cells, f"{where}:{line}")) for line, cells in table.rows)
    for line, row in rows:
        yield _prediction(row, f"{where}:{line}")


def _nested(cells: Mapping[str, str], where: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    scores: dict[int, float] = {}
    for name, cell in cells.items():
        head, dot, rest = name.partition(".")
        if not cell:
            continue
        if head == "scores" and re.fullmatch("0|[1-9][0-9]?", rest):
            scores[int(rest)] = _number(cell, where, name)
        elif head == "probabilities" and dot:
            row.setdefault(head, {})[rest] = _number(cell, where, name)
        elif name == "tags":
            row[name] = cell.split()
        elif name == "number":
            row[name] = _number(cell, where, name)
        elif name in ("scores", "probabilities"):
            raise ModelError(f'{where}: "{name}": a CSV file has a column each: {name}.{"0" if rest else "…"}')
        else:
            row[name] = cell
    if scores:
        if sorted(scores) != list(range(len(scores))):
            raise ModelError(f'{where}: "scores" has a gap; give a number for every option')
        row["scores"] = [scores[place] for place in range(len(scores))]
    return row


def _number(cell: str, where: str, name: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ModelError(f'{where}: "{name}": {cell!r:.40} is not a number; correct it') from None


def _prediction(row: dict[str, Any], where: str) -> Prediction:
    row = {name: value for name, value in row.items() if not _INDEX.fullmatch(name)}
    for name in row:
        if name not in _COLUMNS:
            hint = did_you_mean(name, _COLUMNS, f"columns: {', '.join(_COLUMNS)}")
            raise ModelError(f'{where}: unknown column "{name}"; {hint}')
    row = {name: value for name, value in row.items() if value is not None}
    sample_id = row.get("id")
    if isinstance(sample_id, int) and not isinstance(sample_id, bool):
        sample_id = str(sample_id)
    if not isinstance(sample_id, str) or not sample_id:
        raise ModelError(f'{where}: "id" is missing or not text; give the sample\'s id')
    values = [column for column in _VALUES if column in row]
    if len(values) != 1:
        fault = f"it has {' and '.join(values)}" if values else "it has none"
        raise ModelError(f"{where}: a line needs exactly one of {', '.join(_VALUES)}; {fault}")
    for column in _TEXTS:
        if column in row and not isinstance(row[column], str):
            raise ModelError(f'{where}: "{column}" must be text (given: {row[column]!r:.40}); put it in quotes')
    if not row.get("error", "x").strip():
        raise ModelError(f'{where}: "error" is empty; say why the sample has no answer')
    return Prediction(where, sample_id, values[0], _value(values[0], row[values[0]], where), row.get("rule"))


def _value(column: str, value: Any, where: str) -> Any:
    if column == "number":
        return _finite(value, column, where)
    readers: dict[str, Callable[[Any, str], Any]] = {
        "scores": _scores, "probabilities": _probabilities, "tags": _tags,
    }
    return readers[column](value, where) if column in readers else repair(value)[0]


def _tags(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(tag, str) and tag for tag in value):
        raise ModelError(f'{where}: "tags" must be a list of tags, one a word')
    return tuple(repair(tag)[0] for tag in value)


def _scores(value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, list) or not value:
        raise ModelError(f'{where}: "scores" must be a list of numbers, one an option')
    return tuple(_finite(item, f"scores.{place}", where) for place, item in enumerate(value))


def _probabilities(value: Any, where: str) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise ModelError(f'{where}: "probabilities" must map each label to a number')
    probabilities = {label: _finite(item, f"probabilities.{label}", where) for label, item in value.items()}
    if min(probabilities.values()) < 0 or max(probabilities.values()) > 1.01:
        raise ModelError(f'{where}: "probabilities" must be at least 0, and sum to at most 1')
    return probabilities


def _finite(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelError(f'{where}: "{name}" must be a number (given: {value!r:.40})')
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ModelError(f'{where}: "{name}" is not finite; leave the line out where there is no answer')
    return number
