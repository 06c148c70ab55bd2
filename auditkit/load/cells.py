"""Rows of a CSV or TSV file that have a cell for every column: pandas would shift the longer ones and fill the others.

A row with one cell more makes pandas take the first column for an index, and move all others, without a word.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from auditkit.errors import PackError


def columns_of(path: Path, separator: str, where: str, header: Sequence[str] = ()) -> list[str]:
    """The columns of a table, after a look at every row of it.

    Args:
        path: of the file.
        separator: between the cells.
        where: name of the file in messages.
        header: columns of a file that has no header line.

    Raises:
        PackError: the file is empty or not UTF-8, two columns bear one name, or `where: line N` has more or fewer
            cells than there are columns.
    """
    usual = csv.field_size_limit(2**31 - 1)  # a long text is no fault; the most that a C long holds everywhere
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _checked(_rows(file, separator), where, header)
    except (UnicodeDecodeError, OSError, csv.Error) as error:
        what = f"{type(error).__name__}: {error}"
        raise PackError(f"{where}: cannot be read: {what}; save the file as UTF-8") from None
    finally:
        csv.field_size_limit(usual)


def _rows(file: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line where each row begins, and its cells; without the blank lines, which pandas leaves out too."""
    reader = csv.reader(file, delimiter=separator)
    begins = 1
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip(" \t")):
            yield begins, cells
        begins = reader.line_num + 1


def _checked(rows: Iterator[tuple[int, list[str]]], where: str, header: Sequence[str]) -> list[str]:
    columns = list(header) or next(rows, (0, []))[1]
    if not columns:
        raise PackError(f"{where}: the file is empty; add rows")
    for at, name in enumerate(columns):
        if columns.index(name) != at:
            raise PackError(f'{where}: the column "{name}" is there twice; rename one')
    for line, cells in rows:
        if len(cells) != len(columns):
            there = f"{len(cells)} cell{'s' * (len(cells) != 1)} under {len(columns)} columns"
            raise PackError(f"{where}: line {line}: {there}; mend the row (a separator or a quote too many or too few)")
    return columns
