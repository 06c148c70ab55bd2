"""What a reader gets, the files of a pack, and what it makes of them: rows as plain data, with their lines."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.formats.json_rows import json_lines
from auditkit.formats.tables import Cells, read_table
from auditkit.formats.text import decode, split_lines


@dataclass(frozen=True, slots=True)
class Row:
    """One row before validation."""

    line: int
    """Line of the file on which the row begins, from 1."""
    data: dict[str, Any]
    """The row's keys as in the JSON form."""


def unpack(raw: bytes, suffix: str) -> bytes:
    """Bytes decompressed as the suffix of their file's name says; as they are for any but .gz and .bz2.

    Raises:
        OSError, EOFError, zlib.error: not compressed that way.
    """
    if suffix == ".gz":
        return gzip.decompress(raw)
    return bz2.decompress(raw) if suffix == ".bz2" else raw


@dataclass(slots=True, eq=False)
class File:
    """A file of a pack, as its card names it. It is read once: what is hashed is what becomes rows."""

    name: str
    """Its name in the card."""
    path: Path
    """Where it lies; a mirror may hold it compressed."""
    where: str
    """Its name in messages."""
    _content: bytes | None = field(default=None, repr=False)

    def content(self) -> bytes:
        """Its bytes, decompressed where the path ends in .gz or .bz2.

        Raises:
            PackError: no such file, or one that cannot be read.
        """
        if self._content is None:
            self._content = self._read()
        return self._content

    def _read(self) -> bytes:
        try:
            return unpack(self.path.read_bytes(), self.path.suffix)
        except FileNotFoundError:
            raise PackError(f"{self.where}: no such file; add it, or correct its name in card.yaml") from None
        except (OSError, EOFError, zlib.error) as error:
            raise PackError(f"{self.where}: cannot be read: {getattr(error, 'strerror', None) or error}") from None

    def release(self) -> None:
        """Give the memory of its bytes back; a later call of `content` reads the file again."""
        self._content = None

    def text(self) -> str:
        """Its text, without a byte-order mark.

        Raises:
            PackError: it cannot be read.
            FormatError: it is not UTF-8.
        """
        return decode(self.content(), self.where)

    def lines(self) -> list[str]:
        """Its lines, split at "\\n" alone.

        Raises:
            PackError, FormatError: as `text`.
        """
        return split_lines(self.content(), self.where)

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Line number and object of each line of a JSONL file.

        Raises:
            PackError, FormatError: as `text`; or a line is not a JSON object.
        """
        return json_lines(self.content(), self.where)

    def table(
        self, *, columns: Sequence[str] | None = None, delimiter: str = ","
    ) -> Iterator[tuple[int, Cells]]:
        """Line on which each row of a CSV file begins, and its cells by column.

        Args:
            columns: names of the columns where the file has no header; an empty sequence numbers them, "0", "1" …
            delimiter: what stands between cells.

        Raises:
            PackError, FormatError: as `text`; or a row has too many or too few cells.
        """
        return read_table(self.content(), self.where, delimiter=delimiter, columns=columns).rows


Reader = Callable[[File, Mapping[str, File]], Iterator[Row]]
"""`read(file, beside)`: rows of one file; `beside` holds all files of the pack by name."""
