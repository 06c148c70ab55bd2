"""CSV and TSV: every cell is text as it is written, and every row has a cell for every column.

Readers that guess take "NA" for missing and "001" for 1; and where a row has one cell more than there are columns,
pandas takes the first column for an index and moves all others, without a word.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditkit.errors import FormatError
from auditkit.formats.text import decode

MOST_CHARACTERS = 2**31 - 1
"""Most characters of a cell: the largest number that a C long holds everywhere. Python's own limit is 131,072."""
Cells = dict[str, str]
_Records = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True)
class Table:
    """The columns of a table, and its rows, which can be read once."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[int, Cells]]
    """Line of the file on which the row begins, from 1, and its cells by column."""


def read_table(
    content: bytes, where: str, *, delimiter: str = ",", columns: Sequence[str] | None = None,
    blank_lines: bool = False,
) -> Table:
    """Read a table.

    Args:
        content: the bytes of the file.
        where: its name in messages.
        delimiter: what stands between cells.
        columns: names of the columns where the file has no header; an empty sequence numbers them, "0", "1" …
        blank_lines: pass over them.

    Raises:
        FormatError: the file is empty or not UTF-8, two columns have one name, and, while rows are read, `where:line`
            has wrong quotes, or more or fewer cells than there are columns.
    """
    text = decode(content, where)
    records = _records(text, where, delimiter, blank_lines=blank_lines)
    first = next(records, None) if text.strip() else None
    if first is None:
        raise FormatError(f"{where}: the file is empty; add rows")
    line, cells = first
    if columns is None:
        columns = cells
        _check_names(columns, f"{where}:{line}")
        return Table(tuple(columns), _named(records, columns, where))
    columns = list(columns) or [str(number) for number in range(len(cells))]
    _check_names(columns, where)
    return Table(tuple(columns), _named(_again(first, records), columns, where))


def _records(text: str, where: str, delimiter: str, *, blank_lines: bool) -> _Records:
    """Line on which each record begins, and its cells."""
    # newline="" leaves line ends to csv, which keeps those inside quotes.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = _next(reader)
        except csv.Error as error:
            hint = "double a quote that is part of a text, and put that text in quotes"
            raise FormatError(f"{where}:{begins}: not valid CSV: {error}; {hint}") from None
        if cells is None:
            return
        if not (blank_lines and len(cells) < 2 and not "".join(cells).strip(" \t")):
            yield begins, cells
        begins = reader.line_num + 1


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next record; the limit on a cell's length is the process's, and is left as it was."""
    usual = csv.field_size_limit(MOST_CHARACTERS)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(usual)


def _check_names(columns: Sequence[str], where: str) -> None:
    for place, name in enumerate(columns):
        if columns.index(name) != place:
            raise FormatError(f'{where}: the column "{name}" is given twice; rename or remove one')


def _again(first: tuple[int, list[str]], records: _Records) -> _Records:
    yield first
    yield from records


def _named(records: _Records, columns: Sequence[str], where: str) -> Iterator[tuple[int, Cells]]:
    for line, cells in records:
        if len(cells) != len(columns):
            count = f"{len(cells)} cell{'s' * (len(cells) != 1)} under {len(columns)} columns"
            raise FormatError(f"{where}:{line}: {count}; a separator or a quote is missing, or one too many")
        yield line, dict(zip(columns, cells, strict=True))
