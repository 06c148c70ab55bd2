"""A growing row of numbers of which only the last ones are in memory; the others lie in a file without a name."""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import BinaryIO, cast

from auditkit.store.files import cannot_write

_CHUNK = 1 << 16
"""Numbers in memory, and read at once."""


class Numbers:
    """Numbers, as they are added."""

    def __init__(self, folder: Path | None = None) -> None:
        """Hold nothing yet.

        Args:
            folder: where the unnamed file may lie; default, and where it cannot be written, the system's.
        """
        self._folder = folder if folder is not None and os.access(folder, os.W_OK) else Path(gettempdir())
        self._last = array("d")
        self._file: BinaryIO | None = None
        self._written = 0

    def append(self, value: float) -> None:
        """Add a number.

        Raises:
            MeasurementError: the folder is full, or cannot be written.
        """
        self._last.append(value)
        if len(self._last) < _CHUNK:
            return
        try:
            if self._file is None:
                self._file = cast(BinaryIO, TemporaryFile(dir=self._folder))  # noqa: SIM115 (it lives as long as this)
            self._file.seek(8 * self._written)
            self._file.write(self._last.tobytes())
            self._file.flush()
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._written += len(self._last)
        self._last = array("d")

    def frozen(self) -> FrozenNumbers:
        """The numbers so far."""
        return FrozenNumbers(self._file, self._written, self._last[:])


class FrozenNumbers(Collection[float]):
    """Numbers as they were; those added later do not change them."""

    def __init__(self, file: BinaryIO | None, written: int, last: array[float]) -> None:
        """Internal: use `Numbers.frozen`."""
        self._file = file
        self._written = written
        self._last = last

    def __iter__(self) -> Iterator[float]:
        """The numbers, in the order of addition."""
        for start in range(0, self._written, _CHUNK):
            assert self._file is not None
            self._file.seek(8 * start)
            yield from array("d", self._file.read(8 * min(_CHUNK, self._written - start)))
        yield from self._last

    def __len__(self) -> int:
        """How many."""
        return self._written + len(self._last)

    def __contains__(self, value: object) -> bool:
        """Whether a number is among them."""
        return any(one == value for one in self)
