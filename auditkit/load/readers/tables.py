"""CSV and TSV as published: every cell is text, so that "NA", "None" and "001" stay what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from auditkit.errors import PackError
from auditkit.load.readers.row import File


def table(file: File, *, header: bool = True, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Line on which a row begins, and its cells by column.

    Args:
        file: the file.
        header: whether the first row names the columns; else they are "0", "1" …
        delimiter: what stands between cells.

    Raises:
        PackError: it cannot be read, is not CSV, or a row has too many or too few cells.
    """
    # newline="" leaves line ends to csv, which keeps those inside quotes.
    rows = csv.reader(io.StringIO(file.text(), newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    begins = 1
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise PackError(f"{file.where}:{begins}: not valid CSV: {error}") from None
        if cells is None:
            return
        if columns is None:
            columns = cells if header else [str(i) for i in range(len(cells))]
        if len(cells) != len(columns):
            raise PackError(f"{file.where}:{begins}: {len(cells)} cells under {len(columns)} columns")
        if begins > 1 or not header:
            yield begins, dict(zip(columns, cells, strict=True))
        begins = rows.line_num + 1
