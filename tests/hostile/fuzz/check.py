"""What every target promises: a result, or one of auditkit's errors in one line, soon, and in bounded memory."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from auditkit.errors import AuditkitError

SECONDS = 10
"""Longest that one input may take."""
MEMORY = 1 << 30
"""Bytes of address space that a target may take on top of what its seeds needed."""


class Hang(BaseException):
    """An input took too long; nobody catches it."""


@dataclass(frozen=True)
class Target:
    """One kind of thing that is read."""

    name: str
    inputs: Callable[[], SearchStrategy[bytes]]
    """Made late, since seeds of models need torch."""
    attempt: Callable[[bytes, Path], Any]
    """Reads the input; may use the folder."""
    seeds: Callable[[], list[bytes]]
    """Valid inputs: they must be read without an error."""


def check(target: Target, data: bytes, folder: Path) -> bool:
    """Read one input.

    Returns:
        Whether it was accepted.

    Raises:
        AssertionError: an error of more than one line.
        Hang: it took too long.
        Exception: whatever is not auditkit's.
    """
    with alarm():
        try:
            target.attempt(data, folder)
        except AuditkitError as error:
            one_line(error)
            return False
    return True


def one_line(error: AuditkitError) -> None:
    """An error says something, in one line.

    Raises:
        AssertionError: it does not.
    """
    text = str(error)
    assert text.strip(), "an error without words"
    assert "\n" not in text, f"more than one line: {text!r}"


@contextmanager
def alarm() -> Iterator[None]:
    """Ends what takes longer than `SECONDS`."""

    def ring(number: int, frame: Any) -> None:
        raise Hang(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
