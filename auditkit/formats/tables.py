"""CSV and TSV: every cell is text as it is written, and every row has a cell for every column.

Readers that guess take "NA" for missing and "001" for 1; and where a row has one cell more than there are columns,
pandas takes the first column for an index and moves all others, without a word.

Programs write TSV in two ways: with quotes around cells, as CSV, or with quotes as plain letters (GLUE, PAWS). Read the
wrong way, a text that opens with a quote swallows the rows up to the next quote. `read_table` decides for the whole
file (`_has_quoted_cells`) and says which.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditkit.errors import FormatError
from auditkit.formats.text import decode

MOST_CHARACTERS = 2**31 - 1
"""Most characters of a cell: the largest number that a C long holds everywhere. Python's own limit is 131,072."""
Cells = dict[str, str]
_Records = Iterator[tuple[int, list[str]]]
SEPARATORS = (",", ";", "\t", "|")
_QUOTED_CELL = re.compile(r'"(?:[^"]|"")*"')
_LINE_END = re.compile("\r\n|\n|\r")


@dataclass(frozen=True)
class Table:
    """The columns of a table, and its rows, which can be read once."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[int, Cells]]
    """Line of the file on which the row begins, from 1, and its cells by column."""
    note: str = ""
    """How quotes were read, where that had to be decided."""


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
    plain = delimiter == "\t" and '"' in text and not _has_quoted_cells(text, len(columns or ()))
    note = "quotes are read as plain letters" if plain else ""
    reading = _plain_records(text) if plain else _records(text, where, delimiter)
    records = (record for record in reading if not (blank_lines and _is_blank(record[1])))
    first = next(records, None) if text.strip() else None
    if first is None:
        raise FormatError(f"{where}: the file is empty; add rows")
    line, cells = first
    if columns is None:
        columns = cells
        _check_names(columns, f"{where}:{line}")
        return Table(tuple(columns), _named(records, columns, where), note)
    columns = list(columns) or [str(number) for number in range(len(cells))]
    _check_names(columns, where)
    return Table(tuple(columns), _named(_again(first, records), columns, where), note)


def separator_of(content: bytes, where: str, usual: str, *, columns: int = 0) -> str:
    """What stands between the cells: the usual separator, unless it parts nothing in the first line and another does.

    Args:
        content: the bytes of the file.
        where: its name in messages.
        usual: what the file's suffix says.
        columns: how many columns there are; 0 where the first line tells.

    Raises:
        FormatError: as `decode`.
    """
    first = next((line for line in _LINE_END.split(decode(content, where)) if line.strip()), "")
    counts = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in (usual, *SEPARATORS)}
    others = [mark for mark, count in counts.items() if mark != usual and count > 1]
    return others[0] if columns != 1 and counts[usual] < 2 and len(others) == 1 else usual


def _has_quoted_cells(text: str, columns: int) -> bool:
    """Whether the quotes of a TSV stand around cells, as in CSV, rather than in texts.

    Where a line a row has the right number of cells, quotes are letters unless they are regular: every cell with a
    quote is quoted as CSV does it, and either doubles a quote inside or belongs to a column that is quoted throughout.
    Where it has not, they stand around cells if the file then has the right number of cells in every row.
    """
    rows = [line.split("\t") for line in _LINE_END.split(text) if line.strip()]
    width = columns or len(rows[0])
    if any(len(row) != width for row in rows):
        try:
            records = [cells for _, cells in _records(text, "", "\t")]
        except FormatError:
            return False
        return all(len(cells) == width or _is_blank(cells) for cells in records)
    marked = [cell for row in rows for cell in row if '"' in cell]
    if not all(_QUOTED_CELL.fullmatch(cell) for cell in marked):
        return False
    throughout = len(rows) > 2 and any(all(row[place].startswith('"') for row in rows[1:]) for place in range(width))
    return throughout or any('""' in cell[1:-1] for cell in marked)


def _is_blank(cells: Sequence[str]) -> bool:
    return len(cells) < 2 and not "".join(cells).strip(" \t")


def _plain_records(text: str) -> _Records:
    """Line and cells of each line; quotes are letters."""
    lines = _LINE_END.split(text)
    for number, line in enumerate(lines, start=1):
        if line or number < len(lines):
            yield number, line.split("\t")


def _records(text: str, where: str, delimiter: str) -> _Records:
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
