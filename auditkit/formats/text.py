"""From bytes to text: UTF-8, or UTF-16 that says so by its mark; and the half characters that JSON can bring in."""

from __future__ import annotations

import re
from typing import Any

from auditkit.errors import FormatError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MOST_NULS = 0.25
"""Share of NUL characters above which a text is taken for UTF-16 without its mark: ASCII in it has one in two."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(content: bytes, where: str) -> str:
    """The text of a file, without a byte-order mark.

    Args:
        content: the bytes of the file.
        where: its name in messages.

    Raises:
        FormatError: the file is neither UTF-8 nor marked UTF-16; the message names line and byte.
    """
    if content.startswith(_UTF_16_MARKS):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise FormatError(f"{where}: begins as UTF-16 and is not; save the file as UTF-8") from None
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        byte = error.start - (before.rfind(b"\n") + 1) + 1
        raise FormatError(f"{where}:{line}: byte {byte} is not UTF-8; save the file as UTF-8") from None
    if text.count("\0") > _MOST_NULS * len(text):
        raise FormatError(f"{where}: is UTF-16 without a byte-order mark; save the file as UTF-8")
    return text


def split_lines(content: bytes, where: str) -> list[str]:
    """The lines of a file without their ends, split at "\\n" alone.

    `str.splitlines` also splits at U+0085, U+2028 and others, which a row may hold.

    Raises:
        FormatError: as `decode`.
    """
    return decode(content, where).removesuffix("\n").split("\n")


def lone_surrogate(value: Any) -> str | None:
    """Where in a value of JSON half a character stands, as a dotted path; `None` where every text is whole.

    UTF-8 cannot bring one in, but an escape such as "\\ud83d" can. The path of a bare text is empty.
    """
    if isinstance(value, str):
        return "" if _SURROGATE.search(value) else None
    if isinstance(value, dict):
        for key, item in value.items():
            if lone_surrogate(key) is not None:
                return f"{key!a}"
            if (path := lone_surrogate(item)) is not None:
                return f"{key}.{path}".rstrip(".")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if (path := lone_surrogate(item)) is not None:
                return f"{place}.{path}".rstrip(".")
    return None
