"""CSV and TSV: cells stay text, lines are counted, and a row has a cell for every column."""

from __future__ import annotations

import csv

import pytest

from auditkit.errors import FormatError
from auditkit.formats.tables import read_table


def rows(text: str, **options: object) -> list[tuple[int, dict[str, str]]]:
    return list(read_table(text.encode(), "f.csv", **options).rows)  # type: ignore[arg-type]


def test_cells_stay_what_they_are_and_lines_are_those_of_the_file() -> None:
    text = '\ufeffa,b\r\nNA,001\r\n"two\nlines, ""so"" \u2028",null\r\n,\x85\r\n'
    assert rows(text) == [
        (2, {"a": "NA", "b": "001"}), (3, {"a": 'two\nlines, "so" \u2028', "b": "null"}), (5, {"a": "", "b": "\x85"}),
    ]


def test_a_table_without_a_header() -> None:
    assert rows("x\ty\nz\tw", delimiter="\t", columns=("one", "two")) == [
        (1, {"one": "x", "two": "y"}), (2, {"one": "z", "two": "w"}),
    ]
    assert rows("x,y", columns=()) == [(1, {"0": "x", "1": "y"})]


def test_a_cell_may_be_long_and_the_limit_of_others_stays() -> None:
    usual = csv.field_size_limit()
    assert rows(f"a\n{'b' * 200_000}") == [(2, {"a": "b" * 200_000})]
    assert csv.field_size_limit() == usual


def test_blank_lines_are_passed_over_where_the_caller_says_so() -> None:
    assert rows("\na,b\n\nc,d\n \t\n", blank_lines=True) == [(4, {"a": "c", "b": "d"})]
    with pytest.raises(FormatError, match=r"^f\.csv:2: 0 cells under 2 columns"):
        rows("a,b\n\nc,d\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.csv: the file is empty; add rows"),
        (" \n\n", "f.csv: the file is empty; add rows"),
        ("a,b,a\n", 'f.csv:1: the column "a" is given twice; rename or remove one'),
        ("a,b\n1,2,3\n", "f.csv:2: 3 cells under 2 columns; a separator or a quote is missing, or one too many"),
        ('a,b\n"x\ny",1\n2\n', "f.csv:4: 1 cell under 2 columns"),
        ('a,b\n"x,1\n', "f.csv:2: not valid CSV: unexpected end of data; double a quote that is part of a text"),
        ('a,b\n1,2\n"x" y,1\n', "f.csv:3: not valid CSV: ',' expected after '\"'"),
    ],
)
def test_a_fault_is_named_by_its_line(text: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        rows(text)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_are_named() -> None:
    with pytest.raises(FormatError, match=r"^f\.csv:2: byte 3 is not UTF-8"):
        read_table(b"a,b\n1,\xff\n", "f.csv")
