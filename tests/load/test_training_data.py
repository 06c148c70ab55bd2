"""Tables to learn from: formats agree, traps of readers are closed, and every fault is one line with its row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import PackError
from auditkit.load.splitting import given
from auditkit.load.training_data import read_labelled
from auditkit.schema import Columns

ROWS = [
    {"text": "a good day", "label": "pos"}, {"text": "null", "label": "NA"},
    {"text": 'two\nlines, "so"', "label": "001"},
]


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_csv(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def every_format(tmp_path: Path) -> list[Path]:
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)}).save_to_disk(str(tmp_path / "saved"))
    return [
        lines(tmp_path / "rows.jsonl", ROWS), tmp_path / "rows.parquet", tmp_path / "saved",
        as_csv(tmp_path / "rows.csv", '\ufefftext,label\r\na good day,pos\r\nnull,NA\r\n"two\nlines, ""so""",001\r\n'),
        as_csv(tmp_path / "rows.tsv", 'text\tlabel\na good day\tpos\nnull\tNA\n"two\nlines, ""so"""\t001\n'),
    ]


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    for path in every_format(tmp_path):
        read = read_labelled(path, "classification", Columns())
        found = [(sample.input["text"], sample.target) for sample in read.samples]
        assert found == [(row["text"], row["label"]) for row in ROWS], path


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    first = read_labelled(lines(tmp_path / "a.jsonl", ROWS), "classification", Columns()).sha256
    assert read_labelled(lines(tmp_path / "a.jsonl", ROWS), "classification", Columns()).sha256 == first
    assert read_labelled(lines(tmp_path / "a.jsonl", ROWS[:2]), "classification", Columns()).sha256 != first


def test_numbered_classes_bear_their_names(tmp_path: Path) -> None:
    import datasets

    names = datasets.ClassLabel(names=["O", "B-place"])
    rows = [{"words": ["in", "Oslo"], "tags": [0, 1], "text": "in Oslo", "label": 1}]
    features = datasets.Features({
        "words": datasets.List(datasets.Value("string")), "tags": datasets.List(names),
        "text": datasets.Value("string"), "label": names,
    })
    datasets.Dataset.from_list(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    assert read_labelled(tmp_path / "saved", "tagging", Columns()).samples[0].tags == ("O", "B-place")
    assert read_labelled(tmp_path / "saved", "classification", Columns()).samples[0].target == "B-place"


def test_the_number_of_no_class_and_a_split_that_is_not_there_are_refused(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["n", "p"])})
    rows = datasets.Dataset.from_list([{"text": "a", "label": 1}, {"text": "b", "label": -1}], features=features)
    datasets.DatasetDict({"train": rows}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(PackError, match=r'saved: row 2: "label" is -1, no class; classes: 0 \(n\) to 1'):
        read_labelled(tmp_path / "saved", "classification", Columns())
    with pytest.raises(PackError, match=r'saved: there is no split "validation"; splits: train'):
        read_labelled(tmp_path / "saved", "classification", Columns(), "validation")


def test_columns_that_are_not_needed_are_not_decoded(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({
        "text": datasets.Value("string"), "label": datasets.Value("string"), "picture": datasets.Image(),
    })
    row = {"text": "a", "label": "x", "picture": {"bytes": b"no picture", "path": None}}
    datasets.Dataset.from_list([row], features=features).save_to_disk(str(tmp_path / "saved"))
    assert read_labelled(tmp_path / "saved", "classification", Columns()).samples[0].target == "x"


def test_other_columns_pairs_several_labels_numbers_and_clusters(tmp_path: Path) -> None:
    path = lines(tmp_path / "r.jsonl", [
        {"a": "x", "b": "y", "gold": True, "several": ["p", "q", "p"], "n": "2.50", "who": 7},
        {"a": "z", "b": "y", "gold": False, "several": [], "n": "-1", "who": None},
    ])
    pair = read_labelled(path, "pair-classification", Columns(text="a", text_pair="b", label="gold", cluster="who"))
    assert pair.samples[0].input == {"text": "x", "text_pair": "y"}
    assert [sample.target for sample in pair.samples] == ["true", "false"]
    assert [sample.clusters for sample in pair.samples] == [{"cluster": "7"}, {}]
    several = read_labelled(path, "multi-label-classification", Columns(text="a", label="several"))
    assert [sample.references for sample in several.samples] == [("p", "q"), ()]
    numbers = read_labelled(path, "regression", Columns(text="a", label="n"))
    assert [float(str(sample.target)) for sample in numbers.samples] == [2.5, -1.0]


def test_rows_without_a_cluster_share_none(tmp_path: Path) -> None:
    columns = Columns(cluster="who")
    train = read_labelled(as_csv(
        tmp_path / "t.csv", "text,label,who\na,x,row 2\nb,y,\nc,x, \nd,y,\ne,x,7\n"), "classification", columns)
    held = lines(tmp_path / "v.jsonl", [{"text": "p", "label": "x", "who": float("nan")},
                                        {"text": "q", "label": "y", "who": 7.0}])
    parts = given(train.samples, read_labelled(held, "classification", columns).samples, "classification")
    assert [sample.input["text"] for sample in parts.training] == ["a", "b", "c", "d"]
    assert (parts.dropped, len({sample.clusters["text"] for sample in parts.training})) == (1, 4)


def test_lists_in_cells(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "r.csv", "text,label,words,tags\nx,p;q,in Oslo,O B-place\ny,[],a,O\n")
    several = read_labelled(path, "multi-label-classification", Columns())
    assert [sample.references for sample in several.samples] == [("p", "q"), ()]
    sample = read_labelled(path, "tagging", Columns()).samples[0]
    assert (sample.words, sample.tags) == (("in", "Oslo"), ("O", "B-place"))


FAULTS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("classification", [{"text": "x"}], 'no column "label"; there are: text; name it with --label-column'),
    ("classification", [{"text": "x", "label": "a"}, {"text": " ", "label": "a"}], 'row 2: "text" is empty'),
    ("classification", [{"text": None, "label": "a"}, {"text": "y", "label": "a"}], 'row 1: "text" is missing'),
    ("classification", [{"text": "x", "label": "a"}, {"text": "y", "label": None}], 'row 2: "label" is missing'),
    ("classification", [{"text": "x", "label": float("nan")}], 'row 1: "label" is missing'),
    ("classification", [{"text": "x", "label": ["a"]}], 'row 1: "label" is a list'),
    ("classification", [{"text": 3, "label": "a"}], 'row 1: "text" is no text'),
    ("regression", [{"text": "x", "label": "high"}], 'row 1: "label" is no finite number'),
    ("regression", [{"text": "x", "label": "inf"}], 'row 1: "label" is no finite number'),
    ("tagging", [{"words": ["a", "b"], "tags": ["O"]}], "row 1: 2 words"),
    ("tagging", [{"words": [], "tags": []}, {"words": ["a"], "tags": ["O"]}], 'row 1: "words" is empty'),
    ("multi-label-classification", [{"text": "x", "label": 3}], 'row 1: "label" is no list'),
    ("multi-label-classification", [{"text": "x", "label": " "}], 'row 1: "label" is missing; write [] if there'),
]


@pytest.mark.parametrize(("task", "rows", "message"), FAULTS)
def test_faults_name_the_row(task: Any, rows: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(PackError) as caught:
        read_labelled(lines(tmp_path / "r.jsonl", rows), task, Columns())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "r.xlsx").write_bytes(b"x")
    for path, message in (
        (tmp_path / "none.csv", "no such file"), (tmp_path / "r.xlsx", ".xlsx is not read"),
        (tmp_path / "folder", "not saved by"), (as_csv(tmp_path / "e.csv", ""), "the file is empty"),
        (as_csv(tmp_path / "t.csv", "text,text\na,b\n"), 'the column "text" is there twice'),
        (as_csv(tmp_path / "long.csv", "text,label\n\nx,a,b\ny,b,c\n"), "long.csv: line 3: 3 cells under 2 columns"),
        (as_csv(tmp_path / "short.tsv", 'text\tlabel\n"x\n"\ta\ny\n'), "short.tsv: line 4: 1 cell under 2 columns"),
        (as_csv(tmp_path / "h.csv", "text,label\n"), "no rows"),
        (as_csv(tmp_path / "bad.jsonl", '{"text": "x", "label"\n'), "cannot be read as json"),
    ):
        with pytest.raises(PackError) as caught:
            read_labelled(path, "classification", Columns())
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["data[1].csv", "d?ta1.csv", "d*.csv"])
def test_a_name_is_no_pattern(name: str, tmp_path: Path) -> None:
    as_csv(tmp_path / "data1.csv", "text,label\nanother file,neg\n")
    named = as_csv(tmp_path / name, "text,label\nthis file,pos\n")
    assert [sample.target for sample in read_labelled(named, "classification", Columns()).samples] == ["pos"]


def test_dates_are_not_taken_for_labels(tmp_path: Path) -> None:
    rows = [{"text": "one", "label": "2020-01-01"}, {"text": "two", "label": "2021-01-01"}]
    with pytest.raises(PackError, match="row 1: \"label\" was read as a date or time; use CSV"):
        read_labelled(lines(tmp_path / "rows.jsonl", rows), "classification", Columns())
    table = as_csv(tmp_path / "rows.csv", "text,label\none,2020-01-01\n")
    assert read_labelled(table, "classification", Columns()).samples[0].target == "2020-01-01"
