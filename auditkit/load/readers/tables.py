"""CSV and TSV as published: every cell is text, so that "NA", "None" and "001" stay what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from auditkit.errors import PackError
from auditkit.load.readers.row import File


def cells_of(text: str, where: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Line on which a row begins, and its cells.

    Args:
        text: of the file.
        where: name of the file in messages.
        delimiter: what stands between cells.

    Raises:
        PackError: it is not CSV.
    """
    # newline="" leaves line ends to csv, which keeps those inside quotes.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise PackError(f"{where}:{begins}: not valid CSV: {error}; mend the quotes") from None
        if cells is None:
            return
        yield begins, cells
        begins = rows.line_num + 1


def table(file: File, *, header: bool = True, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Line on which a row begins, and its cells by column.

    Args:
        file: the file.
        header: whether the first row names the columns; else they are "0", "1" …
        delimiter: what stands between cells.

    Raises:
        PackError: it cannot be read, is not CSV, or a row has too many or too few cells.
    """
    columns: list[str] | None = None
    for begins, cells in cells_of(file.text(), file.where, delimiter):
        if columns is None:
            columns = cells if header else [str(i) for i in range(len(cells))]
        if len(cells) != len(columns):
            raise PackError(f"{file.where}:{begins}: {len(cells)} cells under {len(columns)} columns")
        if begins > 1 or not header:
            yield begins, dict(zip(columns, cells, strict=True))
