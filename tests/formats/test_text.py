"""Bytes to text: UTF-8, the byte-order mark, line ends and half characters."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.errors import FormatError
from auditkit.formats.text import decode, lone_surrogate, split_lines


def test_a_byte_order_mark_is_dropped_once() -> None:
    assert decode(b"\xef\xbb\xbfa\xef\xbb\xbf", "f") == "a\ufeff"


def test_bytes_that_are_not_utf8_are_named_by_line_and_byte() -> None:
    with pytest.raises(FormatError) as caught:
        decode(b"\xef\xbb\xbffirst\nsec\xffond\n", "f.csv")
    assert str(caught.value) == "f.csv:2: byte 4 is not UTF-8; save the file as UTF-8"


def test_only_a_line_feed_ends_a_line() -> None:
    assert split_lines("a\x85b\u2028c\x0bd\ne\r\n\n".encode(), "f") == ["a\x85b\u2028c\x0bd", "e\r", ""]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [{"b": "x"}, {"b": "\ud83d"}]}, "a.1.b"), ({"a": {"\udc00": 1}}, "a.'\\udc00'"), ("\ud83d", ""),
        ({"a": "😀", "b": [1, None, "\u2028"]}, None),
    ],
)
def test_half_a_character_is_found(value: Any, path: str | None) -> None:
    assert lone_surrogate(value) == path


def test_utf_16_is_read_where_its_mark_says_so() -> None:
    assert decode("Größe\n1".encode("utf-16"), "f") == "Größe\n1"
    with pytest.raises(FormatError, match="f: is UTF-16 without a byte-order mark; save the file as UTF-8"):
        decode("size\n1".encode("utf-16-le"), "f")
