"""From bytes to text: UTF-8 without its byte-order mark; and the half characters that JSON can bring in."""

from __future__ import annotations

import re
from typing import Any

from auditkit.errors import FormatError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(content: bytes, where: str) -> str:
    """The text of a file, without a byte-order mark.

    Args:
        content: the bytes of the file.
        where: its name in messages.

    Raises:
        FormatError: the file is not UTF-8; the message names line and byte.
    """
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        byte = error.start - (before.rfind(b"\n") + 1) + 1
        raise FormatError(f"{where}:{line}: byte {byte} is not UTF-8; save the file as UTF-8") from None


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
