"""What a reader gets, the files of a pack, and what it makes of them: rows as plain data, with their lines."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

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


MOST_BYTES = 8 << 30
"""Bytes of a file whose card does not say how many it has; rows are read into memory."""
_PIECE = 1 << 20


def unpack(path: Path, suffix: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file, decompressed as a suffix says; as they are for any but .gz and .bz2.

    A small file may hold thousands of times as much: no more is decompressed, or read, than it may have.

    Args:
        path: the file.
        suffix: of its name.
        most: bytes that it may have, decompressed.

    Raises:
        PackError: it has more.
        OSError, EOFError, zlib.error: it cannot be read, or is not compressed that way.
    """
    openers: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
    pieces, size = [], 0
    with openers.get(suffix, _plain)(path) as file:
        while piece := file.read(min(_PIECE, most + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise PackError(f"{path}: it holds more than the {most:,} bytes that it should; it is another file")
    return b"".join(pieces)


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


@dataclass(slots=True, eq=False)
class File:
    """A file of a pack, as its card names it. It is read once: what is hashed is what becomes rows."""

    name: str
    """Its name in the card."""
    path: Path
    """Where it lies; a mirror may hold it compressed."""
    where: str
    """Its name in messages."""
    most: int = MOST_BYTES
    """Bytes that it may have, decompressed: of published data what the card pins."""
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
            return unpack(self.path, self.path.suffix, self.most)
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
