"""Where the lines of a long journal lie: 32 bytes a line in memory, whatever the line holds."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
Row = tuple[int, int]
"""Offset of a line in the journal, in bytes; and its number times two, plus one where its answer was cached."""

_KEY = 16
"""Bytes of a key's hash: two keys that agree by chance will not be met."""
_SEGMENT = 1 << 19
_SEGMENTS = 16
"""Sorted segments that are searched one after another; more are merged."""


@dataclass(frozen=True)
class Frozen:
    """An index as it was; lines added later do not change it."""

    segments: tuple[tuple[np.ndarray, np.ndarray], ...]
    """Keys (n,), sorted, bytes of 16; and their rows (n, 2), int64. Equal keys stand in the order of addition."""

    def find(self, key: str) -> list[Row]:
        """The rows of a key, in the order of the journal."""
        found: list[Row] = []
        wanted = _hash(key)
        for keys, rows in self.segments:
            low, high = keys.searchsorted(wanted, "left"), keys.searchsorted(wanted, "right")
            found += [(int(offset), int(mark)) for offset, mark in rows[low:high]]
        return found

    def in_order(self) -> Iterator[Row]:
        """All rows, in the order of the journal."""
        import numpy as np

        every = np.concatenate([rows for _, rows in self.segments])
        for offset, mark in every[every[:, 0].argsort(kind="stable")]:
            yield int(offset), int(mark)

    @cached_property
    def distinct(self) -> int:
        """How many different keys."""
        import numpy as np

        return len(np.unique(np.concatenate([keys for keys, _ in self.segments]))) if self.segments else 0


@dataclass(slots=True)
class Index:
    """Keys and rows, as they are added."""

    keys: bytearray = field(default_factory=bytearray)
    rows: array[int] = field(default_factory=lambda: array("q"))
    segments: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return bool(self.rows or self.segments)

    def add(self, key: str, offset: int, mark: int) -> None:
        """Add a row; the key may be there already."""
        self.keys += _hash(key)
        self.rows.extend((offset, mark))
        if len(self.rows) == 2 * _SEGMENT:
            self._seal()

    def frozen(self) -> Frozen:
        """The index as it is now."""
        self._seal()
        return Frozen(tuple(self.segments))

    def _seal(self) -> None:
        """Sort what was added."""
        import numpy as np

        if self.rows:
            keys = np.frombuffer(bytes(self.keys), dtype=f"S{_KEY}")
            self._sorted(keys, np.array(self.rows, dtype=np.int64).reshape(-1, 2))
            self.keys, self.rows = bytearray(), array("q")
        if len(self.segments) > _SEGMENTS:
            parts, self.segments = self.segments, []
            self._sorted(np.concatenate([keys for keys, _ in parts]), np.concatenate([rows for _, rows in parts]))

    def _sorted(self, keys: np.ndarray, rows: np.ndarray) -> None:
        order = keys.argsort(kind="stable")
        self.segments.append((keys[order], rows[order]))


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

    def __init__(
        self, held: Mapping[str, T], index: Frozen, key: Callable[[int], str], read: Callable[[Sequence[Row]], T]
    ) -> None:
        """Join both.

        Args:
            held: the entries in memory.
            index: rows of the others.
            key: offset of a line to its key.
            read: all rows of a key, in order, to its value.
        """
        self._held = held
        self._index = index
        self._key = key
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
        for row in self._index.in_order():
            key = self._key(row[0])
            if self._index.find(key)[0] == row:
                yield key

    def __len__(self) -> int:
        """How many keys."""
        return len(self._held) + self._index.distinct


def _hash(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()
