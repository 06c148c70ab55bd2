"""What a reader hands on: one row as plain data, with the line it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Reader = Callable[[Path, str], Iterator["Row"]]
"""`read(path, where)`: `where` is the file's name in messages."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row before validation."""

    line: int
    """Line of the file on which the row begins, from 1."""
    data: dict[str, Any]
    """The row's keys as in the JSON form."""
