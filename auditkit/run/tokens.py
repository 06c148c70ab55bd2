"""Token ids between planning and execution, so that no request is encoded twice, in memory that does not grow."""

from __future__ import annotations

import contextlib
import pickle
from dataclasses import fields
from pathlib import Path
from tempfile import SpooledTemporaryFile

from auditkit.models.adapter import Encoded
from auditkit.schema import Request

IN_MEMORY = 64 << 20
"""Bytes held in memory; the rest lies in a file without a name, which no killed run leaves behind."""
MOST = 4 << 30
"""Bytes in all; what comes later is encoded again when it is asked."""

_KEPT = tuple(each.name for each in fields(Encoded) if each.name != "request")
_SIZE = 4


class TokenStore:
    """Encoded requests, each under the place that `keep` returned."""

    def __init__(self, folder: Path | None = None, *, in_memory: int = IN_MEMORY, most: int = MOST) -> None:
        """Hold nothing yet.

        Args:
            folder: where the unnamed file may lie; default the system's.
            in_memory: bytes held in memory.
            most: bytes held at all.
        """
        where = str(folder) if folder else None
        self._file = SpooledTemporaryFile(max_size=in_memory, dir=where)  # noqa: SIM115 (it lives as long as this)
        self._size = 0
        self._most = most

    def keep(self, encoded: Encoded) -> int:
        """Keep what the tokenizer made of a request; its place, or -1 where it is not kept."""
        if not encoded.sequences or self._size >= self._most:
            return -1
        data = pickle.dumps(tuple(getattr(encoded, name) for name in _KEPT), pickle.HIGHEST_PROTOCOL)
        place = self._size
        try:
            self._file.seek(place)
            self._file.write(len(data).to_bytes(_SIZE) + data)
        except OSError:  # a full disk: a second encoding costs a little time, and nothing else
            self._most = 0
            return -1
        self._size += _SIZE + len(data)
        return place

    def take(self, request: Request, place: int) -> Encoded | None:
        """What was kept of a request; `None` where it was not."""
        if place < 0:
            return None
        with contextlib.suppress(OSError):
            self._file.seek(place)
            size = int.from_bytes(self._file.read(_SIZE))
            kept = pickle.loads(self._file.read(size))  # noqa: S301 (written by this process, into a file without name)
            return Encoded(request, **dict(zip(_KEPT, kept, strict=True)))
        return None
