"""Every line that is printed goes through here: a terminal or a CI log obeys nothing that a row or a server says.

Terminals obey control characters and escape sequences, direction overrides turn text round, and the logs of GitHub
(`::error`) and Azure (`##vso[`) run commands that stand in a line. What is escaped is written as `\\u001b`, which
inside a JSON string means the same character: so printed JSON stays valid, and says the same.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import sys
from collections.abc import Iterator
from typing import TextIO

_KEY = secrets.token_hex(8)
"""Marks our own colours; text from outside cannot know it."""
_OWN_STYLE = re.compile(f"\x1b{_KEY}\\[([0-9;]*)m")
_HARMLESS = "\n\t\xa0\u2007\u2009\u202f\u3000"
"""Line ends, and spaces that are no control characters though Python does not print them."""
_PRINTED = str.maketrans(dict.fromkeys(_HARMLESS, " "))
_CODES = {"black": 30, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35}


def style(text: str, *, fg: str | None = None, bold: bool = False) -> str:
    """Text in a colour, for the writer alone; on what is no terminal it is plain."""
    codes = [str(_CODES[fg])] if fg is not None else []
    codes += ["1"] if bold else []
    return f"\x1b{_KEY}[{';'.join(codes)}m{text}\x1b{_KEY}[0m"


def one_line(text: str) -> str:
    """Text of others on one line: line breaks and tabs are escaped too."""
    return "".join(_escaped(letter) if _is_obeyed(letter) or letter in "\n\t" else letter for letter in text)


def _is_obeyed(letter: str) -> bool:
    """Whether a terminal may obey a character, or show something else in its place."""
    return not (letter.isprintable() or letter in _HARMLESS)


def _escaped(letter: str) -> str:
    """As JSON writes it: astral characters as two surrogates."""
    code = ord(letter)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"


class EscapingWriter(io.TextIOBase):
    """A text stream that escapes what would be obeyed, and outlives a reader that has gone."""

    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._is_blank = True
        """Whether the line so far holds spaces alone."""
        self._last = "\n"
        self.lost = False
        """Whether something could not be written, other than to a reader that has gone."""
        self._closed = False
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """click would go round a stream whose encoding is ASCII."""
        return "utf-8"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor, for libraries that write to it themselves."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write escaped text."""
        parts = _OWN_STYLE.split(text)
        coloured = self.isatty()
        out = [
            self._safe(part) if number % 2 == 0 else f"\x1b[{part}m" if coloured else ""
            for number, part in enumerate(parts)
        ]
        self._put("".join(out))
        return len(text)

    def flush(self) -> None:
        """Flush; what cannot be written is noted."""
        self._put("")

    def _safe(self, text: str) -> str:
        """The text escaped; `_is_blank` and `_last` carry over from one write to the next."""
        return "".join(map(self._safe_line, re.findall(r"[^\n]*\n|[^\n]+", text)))

    def _safe_line(self, line: str) -> str:
        if line.translate(_PRINTED).isprintable() and "##" not in f"{self._last}{line}":
            words = line.lstrip()
            if not (self._is_blank and words.startswith(":")):  # as nearly every line
                self._is_blank = line.endswith("\n") or (self._is_blank and not words)
                self._last = line[-1:] or self._last
                return line
        return "".join(map(self._safe_letter, line))

    def _safe_letter(self, letter: str) -> str:
        # GitHub reads a command where a line begins with `::`, Azure where `##` stands anywhere in it.
        is_command = (letter == ":" and self._is_blank) or (letter == "#" and self._last == "#")
        self._is_blank = letter == "\n" or (self._is_blank and letter.isspace())
        self._last = letter
        return _escaped(letter) if is_command or _is_obeyed(letter) else letter

    def _put(self, text: str) -> None:
        if self._closed:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self._closed = True
            self.lost = not (isinstance(error, OSError) and error.errno == errno.EPIPE)
            self._drop()

    def _drop(self) -> None:
        """Let what is still buffered go nowhere: Python would fail with it when it ends, and exit with 120."""
        with contextlib.suppress(OSError, ValueError, io.UnsupportedOperation):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def stream_of(writer: TextIO) -> TextIO:
    """The stream behind a writer, for rich, which draws with control sequences; its texts are escaped beforehand."""
    return writer._stream if isinstance(writer, EscapingWriter) else writer


@contextlib.contextmanager
def escaped_output() -> Iterator[EscapingWriter]:
    """Let standard output and standard error escape what they are given; gives the writer of standard output."""
    before = sys.stdout, sys.stderr
    out = EscapingWriter(sys.stdout or open(os.devnull, "w"))  # noqa: SIM115 - None where it was closed at the start
    sys.stdout, sys.stderr = out, EscapingWriter(sys.stderr or open(os.devnull, "w"))  # noqa: SIM115
    try:
        yield out
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
