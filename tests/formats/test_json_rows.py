"""JSON lines and lists: what Python's reader lets through is refused, by line, unless the caller asks for it."""

from __future__ import annotations

import json
import math

import pytest

from auditkit.errors import FormatError
from auditkit.formats.json_rows import json_lines, json_list


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id": "x",}', "not valid JSON at column"),
        ("[1, 2]", "expected a JSON object, found list; write {...} on each line"),
        ("", "the line is empty; remove it"),
        (" \t", "the line is empty; remove it"),
        ('{"x": {"score": NaN}}', "NaN is not a JSON value; write null where there is no value"),
        ('{"x": -Infinity}', "-Infinity is not a JSON value"),
        ('{"id": "x", "id": "y"}', '"id" is given twice; keep one'),
        ('{"a": {"b": 1, "b": 1}}', '"b" is given twice; keep one'),
        ("[" * 100_000, "nested too deeply"),
        ('{"x": ' + "9" * 5000 + "}", "not valid JSON: Exceeds the limit"),
        ('{"x": ["\\ud83d"]}', '"x.0" holds a lone surrogate (half a character); write the whole character'),
        ('{"x": 1} {"x": 2}', "not valid JSON at column 10: Extra data"),
    ],
)
def test_a_faulty_line_is_named(line: str, expected: str) -> None:
    content = f'{{"x": 0}}\n{line}\n{{"x": 2}}\n'.encode()
    rows = json_lines(content, "rows.jsonl")
    assert next(rows) == (1, {"x": 0})
    with pytest.raises(FormatError) as caught:
        next(rows)
    assert str(caught.value).startswith(f"rows.jsonl:2: {expected}")
    assert "\n" not in str(caught.value)


def test_what_the_caller_asks_for_is_let_through() -> None:
    content = b'\n{"x": NaN, "y": "\\ud83d"}\n \r\n{"x": 1e999}\r\n\n'
    rows = list(json_lines(content, "f", blank_lines=True, nan=True, surrogates=True))
    assert [line for line, _ in rows] == [2, 4]
    assert math.isnan(rows[0][1]["x"])
    assert (rows[0][1]["y"], rows[1][1]["x"]) == ("\ud83d", math.inf)


def test_texts_stay_as_they_were_written() -> None:
    row = {"a": "NA\u2028null\x85", "b": "2020-01-01", "c": "001", "d": "😀", "e": 12345678901234567890}
    content = b"\xef\xbb\xbf" + json.dumps(row, ensure_ascii=False).encode() + b"\n" + json.dumps(row).encode()
    assert list(json_lines(content, "f")) == [(1, row), (2, row)]


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_file_is_named(content: bytes) -> None:
    with pytest.raises(FormatError, match=r"^f: the file is empty; add rows$"):
        list(json_lines(content, "f", blank_lines=True))
    with pytest.raises(FormatError, match=r"^f: the file is empty; add rows$"):
        list(json_list(content, "f"))


def test_a_list_of_objects() -> None:
    assert list(json_list(b'[{"a": 1},\n {"a": 2}]', "f")) == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', "f.json: expected a list of objects, found dict"),
        ('[{"a": 1}, 2]', "f.json: row 2: expected a JSON object, found int"),
        ('[{"a": 1},\n{"a" 2}]', "f.json: not valid JSON at line 2, column 6"),
        ('[{"a": NaN}]', "f.json: NaN is not a JSON value"),
    ],
)
def test_a_document_that_is_not_one_is_named(text: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        list(json_list(text.encode(), "f.json"))
    assert str(caught.value).startswith(expected)
