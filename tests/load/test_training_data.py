"""Tables to learn from: formats agree, traps of readers are closed, and every fault is one line with its row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import PackError, UsageError
from auditkit.load.splitting import with_validation
from auditkit.load.training_data import TrainingRows, read_training_rows
from auditkit.schema import Task

ROWS = [
    {"text": "a good day", "label": "pos"}, {"text": "null", "label": "NA"},
    {"text": 'two\nlines, "so"', "label": "001"},
]


def read(path: Path, task: str = "classification", split: str = "train", **keys: Any) -> TrainingRows:
    return read_training_rows(Task(name="training", task=task, data=str(path), split=split, **keys))


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
        samples = read(path).samples
        pairs = [(sample.input["text"], sample.target) for sample in samples]
        assert pairs == [(row["text"], row["label"]) for row in ROWS], path


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    first = read(lines(tmp_path / "a.jsonl", ROWS)).sha256
    assert read(lines(tmp_path / "a.jsonl", ROWS)).sha256 == first
    assert read(lines(tmp_path / "a.jsonl", ROWS[:2])).sha256 != first


def test_numbered_classes_bear_their_names(tmp_path: Path) -> None:
    import datasets

    names = datasets.ClassLabel(names=["O", "B-place"])
    rows = [{"words": ["in", "Oslo"], "tags": [0, 1], "text": "in Oslo", "label": 1}]
    features = datasets.Features({
        "words": datasets.List(datasets.Value("string")), "tags": datasets.List(names),
        "text": datasets.Value("string"), "label": names,
    })
    datasets.Dataset.from_list(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    assert read(tmp_path / "saved", "tagging").samples[0].tags == ("O", "B-place")
    assert read(tmp_path / "saved").samples[0].target == "B-place"


def test_the_number_of_no_class_and_a_split_that_is_not_there_are_refused(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["n", "p"])})
    rows = datasets.Dataset.from_list([{"text": "a", "label": 1}, {"text": "b", "label": -1}], features=features)
    datasets.DatasetDict({"train": rows}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(PackError, match=r'saved: row 2: "label" is -1, not a class; classes: 0 \(n\) to 1'):
        read(tmp_path / "saved")
    with pytest.raises(PackError, match=r'saved: there is no split "validation"; splits: train'):
        read(tmp_path / "saved", split="validation")


def test_columns_that_are_not_needed_are_not_decoded(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({
        "text": datasets.Value("string"), "label": datasets.Value("string"), "picture": datasets.Image(),
    })
    row = {"text": "a", "label": "x", "picture": {"bytes": b"no picture", "path": None}}
    datasets.Dataset.from_list([row], features=features).save_to_disk(str(tmp_path / "saved"))
    assert read(tmp_path / "saved").samples[0].target == "x"


def test_other_columns_pairs_several_labels_numbers_and_clusters(tmp_path: Path) -> None:
    path = lines(tmp_path / "r.jsonl", [
        {"a": "x", "b": "y", "gold": True, "several": ["p", "q", "p"], "n": "2.50", "who": 7},
        {"a": "z", "b": "y", "gold": False, "several": [], "n": "-1", "who": None},
    ])
    pair = read(path, columns={"text": "a", "text_pair": "b", "label": "gold"}, clusters=("who",))
    assert pair.samples[0].input == {"text": "x", "text_pair": "y"}
    assert [sample.target for sample in pair.samples] == ["true", "false"]
    assert [sample.clusters for sample in pair.samples] == [{"who": "7"}, {}]
    several = read(path, "multi-label-classification", columns={"text": "a", "label": "several"})
    assert [sample.references for sample in several.samples] == [("p", "q"), ()]
    numbers = read(path, "regression", columns={"text": "a", "label": "n"})
    assert [float(str(sample.target)) for sample in numbers.samples] == [2.5, -1.0]


def test_rows_without_a_cluster_share_none(tmp_path: Path) -> None:
    table = as_csv(tmp_path / "t.csv", "text,label,who\na,x,row 2\nb,y,\nc,x, \nd,y,\ne,x,7\n")
    train = read(table, clusters=("who",))
    held = lines(tmp_path / "v.jsonl", [{"text": "p", "label": "x", "who": float("nan")},
                                        {"text": "q", "label": "y", "who": 7.0}])
    parts = with_validation(train.samples, read(held, clusters=("who",)).samples, "classification")
    assert [sample.input["text"] for sample in parts.training] == ["a", "b", "c", "d"]
    assert (parts.dropped, len({sample.clusters["text"] for sample in parts.training})) == (1, 4)


def test_lists_in_cells(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "r.csv", "text,label,words,tags\nx,p;q,in Oslo,O B-place\ny,[],a,O\n")
    several = read(path, "multi-label-classification")
    assert [sample.references for sample in several.samples] == [("p", "q"), ()]
    sample = read(path, "tagging").samples[0]
    assert (sample.words, sample.tags) == (("in", "Oslo"), ("O", "B-place"))


FAULTS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("classification", [{"text": "x"}], 'r.jsonl: there is no column "label"; columns: text (say which it is under'),
    ("classification", [{"text": "x", "label": "a"}, {"text": " ", "label": "a"}], 'r.jsonl:2: "text" is blank'),
    ("classification", [{"text": None, "label": "a"}, {"text": "y", "label": "a"}], 'r.jsonl:1: "text" is missing'),
    ("classification", [{"text": "x", "label": "a"}, {"text": "y", "label": None}], 'r.jsonl:2: "label" is missing'),
    ("classification", [{"text": "x", "label": float("nan")}], 'r.jsonl:1: "label" is missing'),
    ("classification", [{"text": "x", "label": ["a"]}], 'r.jsonl:1: "label" is list'),
    ("classification", [{"text": ["x"], "label": "a"}], 'r.jsonl:1: "text" is list'),
    ("regression", [{"text": "x", "label": "high"}], "r.jsonl:1: \"label\" is 'high'; expected a number"),
    ("regression", [{"text": "x", "label": "inf"}], "r.jsonl:1: \"label\" is 'inf'; expected a number"),
    ("tagging", [{"words": ["a", "b"], "tags": ["O"]}], 'r.jsonl:1: "tags" holds 1 for 2 words'),
    ("tagging", [{"words": [], "tags": []}, {"words": ["a"], "tags": ["O"]}], 'r.jsonl:1: "words" is missing'),
    ("multi-label-classification", [{"text": "x", "label": 3}], 'r.jsonl:1: "label" is int (3); expected a list'),
    ("multi-label-classification", [{"text": "x", "label": " "}], 'r.jsonl:1: "label" is missing; write [] if there'),
    ("summarisation", [{"text": "x", "summary": "y"}], "summarisation cannot be learnt"),
    ("clasification", [{"text": "x", "label": "y"}], 'no task is called "clasification"; did you mean'),
]


@pytest.mark.parametrize(("task", "rows", "message"), FAULTS)
def test_faults_name_the_row(task: Any, rows: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(lines(tmp_path / "r.jsonl", rows), task)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "r.xlsx").write_bytes(b"x")
    for path, message in (
        (tmp_path / "none.csv", "no such file"), (tmp_path / "r.xlsx", ".xlsx is not read"),
        (tmp_path / "folder", "not saved by"), (as_csv(tmp_path / "e.csv", ""), "the file is empty"),
        (as_csv(tmp_path / "t.csv", "text,text\na,b\n"), 'the column "text" is given twice'),
        (as_csv(tmp_path / "long.csv", "text,label\n\nx,a,b\ny,b,c\n"), "long.csv:3: 3 cells under 2 columns"),
        (as_csv(tmp_path / "short.tsv", 'text\tlabel\n"x\n"\ta\ny\n'), "short.tsv:2: 1 cell under 2 columns"),
        (as_csv(tmp_path / "h.csv", "text,label\n"), "no rows"),
        (as_csv(tmp_path / "bad.jsonl", '{"text": "x", "label"\n'), "bad.jsonl:1: not valid JSON"),
    ):
        with pytest.raises(UsageError) as caught:
            read(path)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["data[1].csv", "d?ta1.csv", "d*.csv"])
def test_a_name_is_no_pattern(name: str, tmp_path: Path) -> None:
    as_csv(tmp_path / "data1.csv", "text,label\nanother file,neg\n")
    named = as_csv(tmp_path / name, "text,label\nthis file,pos\n")
    assert [sample.target for sample in read(named).samples] == ["pos"]


def test_dates_stay_texts(tmp_path: Path) -> None:
    rows = [{"text": "one", "label": "2020-01-01"}, {"text": "two", "label": "2021-01-01"}]
    assert [sample.target for sample in read(lines(tmp_path / "rows.jsonl", rows)).samples] == [
        "2020-01-01", "2021-01-01",
    ]
    table = as_csv(tmp_path / "rows.csv", "text,label\none,2020-01-01\n")
    assert read(table).samples[0].target == "2020-01-01"


def test_a_second_text_is_read_where_its_column_is_named(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "p.csv", "text,text_pair,label\na,b,x\nc,,y\n")
    assert [sample.input for sample in read(path).samples] == [{"text": "a"}, {"text": "c"}]
    with pytest.raises(PackError, match=r'p\.csv:3: "text_pair" is missing'):
        read(path, columns={"text_pair": "text_pair"})


def test_a_separator_is_the_one_that_the_task_names(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "p.csv", "text,label\na,x|y;z\n")
    (sample,) = read(path, "multi-label-classification", separator="|").samples
    assert sample.references == ("x", "y;z")
