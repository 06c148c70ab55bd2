"""Where the lines of a long journal lie: on disk in a file without a name, and in memory a few MiB, however many.

It is derived from the journal, line by line, whenever one is opened; nothing of it outlives the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir
from typing import Any, BinaryIO, Generic, TypeVar

from auditkit.errors import MeasurementError

T = TypeVar("T")
Row = tuple[int, int]
"""Offset of a line in the journal, in bytes; and its number times two, plus one where its answer was cached."""

_CHUNK = 4096
"""Rows written at once."""
_CACHE_KIB = 4 << 10
"""What SQLite may hold in memory of an index."""
_TABLE = "CREATE TABLE lines (place INTEGER PRIMARY KEY, key NOT NULL, mark INTEGER NOT NULL)"
_BY_KEY = "CREATE INDEX by_key ON lines (key)"
_FIND = "SELECT place, mark FROM lines WHERE key = ? AND place < ? ORDER BY place"
_FIRSTS = """SELECT key FROM lines AS line WHERE place < ? AND NOT EXISTS (
    SELECT 1 FROM lines WHERE key = line.key AND place < line.place) ORDER BY place"""
_DISTINCT = "SELECT count(*) FROM (SELECT DISTINCT key FROM lines INDEXED BY by_key WHERE place < ?)"


class Index:
    """Keys and rows, as they are added, in the order of the journal."""

    def __init__(self, folder: Path | None = None) -> None:
        """Hold nothing yet.

        Args:
            folder: where the unnamed file may lie; default, and where it cannot be written, the system's.
        """
        self._folder = folder if folder is not None and os.access(folder, os.W_OK) else Path(gettempdir())
        self._waiting: list[tuple[int, bytes | str, int]] = []
        self._connection: sqlite3.Connection | None = None
        self._failure: MeasurementError | None = None
        self._end = 0

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return self._end > 0

    def __del__(self) -> None:
        """Let the file go."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def add(self, key: str, offset: int, mark: int) -> None:
        """Add a row that lies behind all others; the key may be there already.

        Raises:
            MeasurementError: the folder is full, or cannot be written.
        """
        self._waiting.append((offset, _packed(key), mark))
        self._end = offset + 1
        if len(self._waiting) >= _CHUNK:
            self._write()

    def frozen(self) -> Frozen:
        """The index as it is now."""
        return Frozen(self, self._end)

    def select(self, query: str, *values: bytes | str | int) -> Iterator[Any]:
        """The rows that a query finds among all that were added.

        Raises:
            MeasurementError: the folder is full, or cannot be written.
        """
        self._write()
        assert self._connection is not None
        with self._told():
            yield from self._connection.execute(query, values)

    def _write(self) -> None:
        """Write what waits; after an interrupt, at whatever point, it is written again and stands there once."""
        if self._failure is not None:
            raise self._failure
        if not self._waiting:
            return
        with self._told():
            if self._connection is None:
                self._connection = _connect(self._folder)
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR IGNORE INTO lines VALUES (?, ?, ?)", self._waiting)
            self._connection.execute("COMMIT")
        self._waiting.clear()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what a full or failing disk raises into an error that says where; the index is then of no more use."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a bug, not a failing disk
        except (sqlite3.DatabaseError, OSError) as error:
            what = error.strerror if isinstance(error, OSError) else error
            self._failure = MeasurementError(
                f"{self._folder}: the index of the journal cannot be written there: {what}; free space and give the "
                "same command again: what was journalled is kept"
            )
            raise self._failure from error


class Frozen:
    """An index as it was; lines added later do not change it."""

    def __init__(self, index: Index, end: int) -> None:
        """Internal: use `Index.frozen`.

        Args:
            index: may grow.
            end: the offset that all lines of this view lie before.
        """
        self._index = index
        self._end = end

    def find(self, key: str) -> list[Row]:
        """The rows of a key, in the order of the journal."""
        return list(self._index.select(_FIND, _packed(key), self._end))

    def keys(self) -> Iterator[str]:
        """Every key once, in the order of their first lines."""
        for (key,) in self._index.select(_FIRSTS, self._end):
            yield key.hex() if isinstance(key, bytes) else key

    @cached_property
    def distinct(self) -> int:
        """How many different keys."""
        return int(next(self._index.select(_DISTINCT, self._end))[0])


class Lines:
    """Reads single lines of a journal; the file stays open, also when its name is gone."""

    def __init__(self, path: Path) -> None:
        """Open the journal.

        Raises:
            OSError: it cannot be read.
        """
        self._file: BinaryIO = path.open("rb")

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            self._file.close()

    def body(self, offset: int) -> dict[str, Any]:
        """The body of the line at an offset; the line was checked when the journal was read or written."""
        self._file.seek(offset)
        body: dict[str, Any] = json.loads(self._file.readline())["body"]
        return body


class Spilled(Mapping[str, T], Generic[T]):
    """A mapping of which the first entries are in memory, and of the others only where their lines lie."""

    def __init__(self, held: Mapping[str, T], index: Frozen, read: Callable[[Sequence[Row]], T]) -> None:
        """Join both.

        Args:
            held: the entries in memory.
            index: rows of the others.
            read: all rows of a key, in order, to its value.
        """
        self._held = held
        self._index = index
        self._read = read

    def __getitem__(self, key: str) -> T:
        """The value; read from the journal where it is not in memory."""
        if key in self._held:
            return self._held[key]
        rows = self._index.find(key)
        if not rows:
            raise KeyError(key)
        return self._read(rows)

    def __contains__(self, key: object) -> bool:
        """Whether there is such a key."""
        return key in self._held or (isinstance(key, str) and bool(self._index.find(key)))

    def __iter__(self) -> Iterator[str]:
        """Keys in the order of their first lines."""
        yield from self._held
        yield from self._index.keys()

    def __len__(self) -> int:
        """How many keys."""
        return len(self._held) + self._index.distinct


def _connect(folder: Path) -> sqlite3.Connection:
    """An empty database whose file has no name any more; a process killed before that leaves what `sweep` removes."""
    path = folder / f".journal.index.{secrets.token_hex(4)}.tmp"
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        where = f"{path.absolute().as_uri()}?nolock=1"  # some file systems have no locks, and nobody else comes here
        connection = sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute(_TABLE)
        connection.execute(_BY_KEY)
    finally:
        path.unlink(missing_ok=True)
    return connection


def _packed(key: str) -> bytes | str:
    """A sha256 in half of the bytes; any other key as it is."""
    try:
        data = bytes.fromhex(key)
    except ValueError:
        return key
    return data if data.hex() == key else key
