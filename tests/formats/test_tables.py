"""CSV and TSV: cells stay text, lines are counted, and a row has a cell for every column."""

from __future__ import annotations

import csv

import pytest

from auditkit.errors import FormatError
from auditkit.formats.tables import read_table, separator_of


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


def _tsv(text: str) -> list[list[str]]:
    return [list(cells.values()) for _, cells in read_table(text.encode(), "f.tsv", delimiter="\t").rows]


def test_stray_quotes_of_a_tsv_join_no_rows() -> None:
    text = 'n\ttext\tlabel\n1\t"Fine, said she\tgood\n2\tslow\tbad\n3\tso he left"\tbad\n'
    assert _tsv(text) == [["1", '"Fine, said she', "good"], ["2", "slow", "bad"], ["3", 'so he left"', "bad"]]
    assert read_table(text.encode(), "f.tsv", delimiter="\t").note == "quotes are read as plain letters"
    assert _tsv('n\ttext\n1\t"Whole"\n2\tnone\n') == [["1", '"Whole"'], ["2", "none"]]
    assert _tsv('n\ttext\n1\t5" disk\n') == [["1", '5" disk']]


def test_regular_quotes_of_a_tsv_stand_around_cells() -> None:
    assert _tsv('n\ttext\n1\t"He said ""no"""\n2\tx\n') == [["1", 'He said "no"'], ["2", "x"]]
    assert _tsv('"n"\t"text"\n"1"\t"a"\n"2"\t"b"\n') == [["1", "a"], ["2", "b"]]
    assert _tsv('n\ttext\n1\t"two\nlines"\n2\t"a\tb"\n') == [["1", "two\nlines"], ["2", "a\tb"]]


@pytest.mark.parametrize(("first", "columns", "mark"), [
    ("id;text;label", 0, ";"), ("id\ttext", 0, "\t"), ("id|text", 0, "|"), ("id,te;xt", 0, ","), ("text", 0, ","),
    ("a;b|c", 0, ","), ("a;b", 1, ","),
])
def test_another_separator_is_taken_where_the_usual_one_parts_nothing(first: str, columns: int, mark: str) -> None:
    assert separator_of(f"{first}\n1;2\n".encode(), "f.csv", ",", columns=columns) == mark
