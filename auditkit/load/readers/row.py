"""What a reader is given, and what it hands on: one row as plain data, with the line it stands on."""

from __future__ import annotations

import bz2
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import PackError

_BOM = b"\xef\xbb\xbf"


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


@dataclass(frozen=True, slots=True)
class File:
    """A file of a pack, as its card names it."""

    name: str
    """Its name in the card."""
    path: Path
    """Where it lies; a mirror may hold it compressed."""
    where: str
    """Its name in messages."""

    def content(self) -> bytes:
        """Its bytes, decompressed where the path ends in .gz or .bz2.

        Raises:
            PackError: no such file, or one that cannot be read.
        """
        try:
            return unpack(self.path.read_bytes(), self.path.suffix)
        except FileNotFoundError:
            raise PackError(f'{self.where}: no such file; add it, or mend its name in card.yaml') from None
        except (OSError, EOFError, zlib.error) as error:
            raise PackError(f"{self.where}: cannot be read: {getattr(error, 'strerror', None) or error}") from None

    def text(self) -> str:
        """Its text; a byte-order mark is dropped.

        Raises:
            PackError: it cannot be read, or is not UTF-8.
        """
        raw = self.content().removeprefix(_BOM)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise PackError(f"{self.where}:{line}: not UTF-8; save the file as UTF-8") from None

    def lines(self) -> list[str]:
        """Its lines, split at "\\n" alone: `str.splitlines` also splits at U+0085 and U+2028, which rows may hold."""
        return self.text().removesuffix("\n").split("\n")

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Line number and object of each line of a JSONL file.

        Raises:
            PackError: a line that is no JSON object.
        """
        for number, line in enumerate(self.lines(), start=1):
            try:
                found = json.loads(line)
            except json.JSONDecodeError as error:
                raise PackError(f"{self.where}:{number}: not valid JSON at column {error.colno}: {error.msg}") from None
            if not isinstance(found, dict):
                raise PackError(f"{self.where}:{number}: expected a JSON object, found {type(found).__name__}")
            yield number, found


Reader = Callable[[File, Mapping[str, File]], Iterator[Row]]
"""`read(file, beside)`: rows of one file; `beside` holds all files of the pack by name."""
