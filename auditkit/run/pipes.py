"""Objects through a pipe between two processes of one user."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

_SIZE = 8


def write_frame(sink: BinaryIO, value: Any) -> None:
    """Send one object."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    sink.write(len(data).to_bytes(_SIZE) + data)
    sink.flush()


def read_frame(source: BinaryIO) -> Any:
    """Receive one object.

    Raises:
        EOFError: the other end is gone.
    """
    return pickle.loads(_exactly(source, int.from_bytes(_exactly(source, _SIZE))))  # noqa: S301 (from our own process)


def _exactly(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError("the other process is gone")
    return data
