"""The user's files as rows: what is a column, where a row is, and what a path inside a row leads to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import FormatError, PackError
from auditkit.load.user_tables import UserTable, open_table
from auditkit.schema import Task


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def opened(name: str, content: str, **keys: Any) -> UserTable:
    Path(name).write_bytes(content.encode())
    return open_table(Task(name="mine", task="classification", data=name, **keys))


def test_the_bytes_that_are_read_are_hashed() -> None:
    content = "\ufefftext,label\r\na,b\r\n"
    table = opened("f.csv", content)
    assert table.sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert (table.columns, list(table.rows)) == (("text", "label"), [(2, {"text": "a", "label": "b"})])


def test_a_row_is_named_by_its_line_where_there_are_lines() -> None:
    assert opened("f.csv", "a\n\n\nx\n").place(4) == "f.csv:4"
    assert opened("f.jsonl", '{"a": 1}\n').place(1) == "f.jsonl:1"
    assert opened("f.json", '[{"a": 1}]').place(1) == "f.json: row 1"
    assert opened("g.json", '{"a": 1}\n{"a": 2}\n').place(2) == "g.json:2"


def test_rows_of_json_may_lack_columns_and_differ_in_type() -> None:
    rows = [{"text": "a", "label": 1}, {"label": "1", "text": "b", "more": {"x": None}}, {"text": "c", "label": 2.5}]
    table = opened("f.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert table.columns == ("text", "label", "more")
    values = [[table.value(row, column, "here") for column in table.columns] for _, row in table.rows]
    assert values == [["a", 1, None], ["b", "1", {"x": None}], ["c", 2.5, None]]


def test_a_path_leads_into_mappings_and_lists() -> None:
    row = {"answers": {"text": ["a", "b"]}, "pairs": [{"de": "x"}, {"de": "y"}], "none": None, "a.b": 1}
    table = opened("f.jsonl", json.dumps(row) + "\n")
    ((_, cells),) = table.rows
    assert table.value(cells, "answers.text", "f") == ["a", "b"]
    assert table.value(cells, "pairs.de", "f") == ["x", "y"]
    assert table.value(cells, "none.text", "f") is None
    assert table.value(cells, "a.b", "f") == 1
    with pytest.raises(PackError, match=r'^f\.jsonl:1: "answers\.txt": there is no "txt" in text$'):
        table.value(cells, "answers.txt", table.place(1))


def test_half_a_character_is_refused_before_anything_is_hashed() -> None:
    with pytest.raises(FormatError, match=r'^f\.jsonl:1: "text" holds a lone surrogate'):
        opened("f.jsonl", '{"text": "\\ud83d", "label": "a"}\n')


def test_quotes_that_pandas_would_drop_are_refused() -> None:
    with pytest.raises(FormatError, match=r"^f\.csv:2: not valid CSV"):
        list(opened("f.csv", 'text,label\n"good" phone,a\n').rows)


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    Path("f.csv").write_text("a\nb\n")
    with pytest.raises(PackError, match=r"^f\.csv: cannot be read: Permission denied$"):
        open_table(Task(name="mine", task="classification", data="f.csv"))
