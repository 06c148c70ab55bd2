"""Cells of the user's data: one vocabulary of texts, labels and lists for audits and fine-tuning."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.errors import PackError
from auditkit.load.tasks.row import TaskRow, text_of


def row(separator: str | None = None, **values: Any) -> TaskRow:
    return TaskRow(2, "f.csv:2", values, groups={}, clusters=values, metadata={}, separator=separator)


@pytest.mark.parametrize(
    ("value", "text"), [("NA", "NA"), (" a ", " a "), (3, "3"), (3.0, "3"), (True, "true"), (10**20, str(10**20))]
)
def test_a_cell_is_a_text(value: Any, text: str) -> None:
    assert text_of(value, "f.csv:2", "text") == text


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, 'f.csv:2: "text" is missing; fill it, or remove the row'), ("", 'f.csv:2: "text" is missing'),
        (float("nan"), 'f.csv:2: "text" is missing'), (" \n", 'f.csv:2: "text" is blank'),
        (2.5, 'f.csv:2: "text" is float (2.5); expected text'), (["a"], "f.csv:2: \"text\" is list (['a'])"),
    ],
)
def test_what_is_no_text_is_named(value: Any, fault: str) -> None:
    with pytest.raises(PackError) as caught:
        text_of(value, "f.csv:2", "text")
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_nothing_may_be_an_empty_text(value: Any) -> None:
    assert text_of(value, "f.csv:2", "text", empty=True) == ""


def test_a_label_is_without_the_blanks_around_it_and_a_text_is_not() -> None:
    assert (row(a=" pos ").label("a"), row(a=" pos ").text("a")) == ("pos", " pos ")
    assert row(a=[" x", "y "]).labels("a") == ["x", "y"]
    assert row(a=[" x", "y "]).texts("a") == [" x", "y "]


def test_one_cell_is_cut_at_the_separator() -> None:
    assert row(a="x; y;;z").texts("a") == ["x", "y", "z"]
    assert row(a="x  y;z").texts("a", separator=None) == ["x", "y;z"]
    assert row("|", a="x|y;z").texts("a") == ["x", "y;z"]
    assert row("|", a="x|y z").texts("a", separator=None) == ["x", "y z"]


def test_none_is_said_and_never_guessed() -> None:
    assert row(a="[]").texts("a", none=True) == []
    assert row(a=[]).texts("a", none=True) == []
    with pytest.raises(PackError, match='"a" is missing; fill it'):
        row(a="[]").texts("a")
    for value in (None, "", " ", ";"):
        with pytest.raises(PackError, match=r'"a" is missing; write \[\] if there is none'):
            row(a=value).texts("a", none=True)
    with pytest.raises(PackError, match=r'"a" is int \(3\); expected a list'):
        row(a=3).texts("a")


def test_references_are_one_text_or_several() -> None:
    assert row(a="x;y").references("a") == {"target": "x;y", "references": ["x;y"]}
    assert row(a=["x", "y", "x"]).references("a") == {"target": "x", "references": ["x", "y"]}
    with pytest.raises(PackError, match='"a" is missing'):
        row(a=[]).references("a")


def test_a_row_may_be_without_a_cluster_only_where_that_is_said() -> None:
    assert row(a=7.0, b=" ").cluster_ids(missing=True) == {"a": "7"}
    with pytest.raises(PackError, match='"b" is missing'):
        row(a="x", b=None).cluster_ids()


def test_a_list_in_a_cell_of_text_is_a_list() -> None:
    assert row(a="['x', 'y']").references("a") == {"target": "x", "references": ["x", "y"]}
    assert row(a="['New York', 'Oslo']").texts("a") == ["New York", "Oslo"]
    assert row(a="['x']").label("a") == "x"
    with pytest.raises(PackError, match='"a" is a list of 2; give one label'):
        row(a="['x', 'y']").label("a")
    with pytest.raises(PackError, match="without commas"):
        row(a="['x' 'y']").texts("a")
