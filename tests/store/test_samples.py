"""samples.parquet: rows, order, and the hash that audit.json pins."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
import rfc8785

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import Score, digest
from auditkit.store.folder import RunFolder
from auditkit.store.samples import ScoreRows, content_sha256, read_frame, read_samples, write_samples

COLUMNS = [
    "sample_id", "benchmark", "metric", "arm", "variant", "origin", "value", "reason", "answer", "cluster", "clusters",
    "groups", "content", "text", "target",
]


@pytest.fixture
def samples(make_sample):
    return [make_sample(n) for n in range(4)]


@pytest.fixture
def scores(hostile):
    return [
        Score(sample_id="pack/row-002", metric="accuracy", value=None, reason="refused"),
        Score(sample_id="pack/row-000", metric="stereotype", value=0.1, answer=hostile),
        Score(sample_id="pack/row-000", metric="accuracy", value=0.0, answer="NA"),
        Score(sample_id="o-0", metric="flip", value=1.0),
        Score(sample_id="pack/o-1", metric="flip", value=None, reason="errored"),
    ]


def test_a_row_a_sample_and_metric(tmp_path, samples, scores, hostile):
    path = tmp_path / "samples.parquet"
    value = write_samples(path, ScoreRows(samples, scores))
    rows = read_samples(path, value).to_pylist()
    assert [(row["sample_id"], row["metric"]) for row in rows] == [
        ("o-0", "flip"), ("pack/o-1", "flip"), ("pack/row-000", "accuracy"), ("pack/row-000", "stereotype"),
        ("pack/row-002", "accuracy"),
    ]
    assert list(rows[0]) == COLUMNS
    assert rows[2] == {
        "sample_id": "pack/row-000", "benchmark": "pack", "metric": "accuracy", "arm": "ambiguous", "variant": "",
        "origin": "o-0", "value": 0.0, "reason": None, "answer": "NA", "cluster": "t-0",
        "clusters": '{"template":"t-0"}', "groups": '{"gender":"female"}', "content": content_sha256(samples[0]),
        "text": digest(samples[0].input), "target": samples[0].target,
    }
    assert rows[3]["value"] == 0.1
    assert rows[3]["answer"] == hostile
    assert (rows[4]["value"], rows[4]["reason"]) == (None, "refused")
    assert (rows[0]["arm"], rows[0]["benchmark"]) == ("ambiguous+disambiguated", "pack")


def test_rows_that_ask_the_same_have_one_text_whatever_is_right(samples, scores):
    other = samples[0].model_copy(update={"target": "another"})
    rows = [next(row for row in ScoreRows([sample, *samples[1:]], scores) if row.sample_id == "pack/row-000")
            for sample in (samples[0], other)]
    assert rows[0].text == rows[1].text
    assert rows[0].content != rows[1].content
    assert [row.target for row in rows] == [samples[0].target, "another"]
    kept = ScoreRows(samples, scores, {})
    assert {row.target for row in kept} == {None}


def test_the_hash_is_of_the_rows_not_of_their_order_or_bytes(tmp_path, samples, scores):
    value = ScoreRows(samples, scores).sha256
    assert value == ScoreRows(samples[::-1], scores[::-1] + scores).sha256
    assert value != ScoreRows(samples, scores[1:]).sha256
    folder = RunFolder(tmp_path)
    assert folder.write_samples(ScoreRows(samples, scores)) == value
    table = pyarrow.parquet.read_table(folder.samples)
    pyarrow.parquet.write_table(table, folder.samples, compression="zstd", row_group_size=2)
    folder.check_samples(value)
    lines = [rfc8785.dumps(list(row.values())) + b"\n" for row in table.to_pylist()]
    assert hashlib.sha256(b"".join(lines)).hexdigest() == value


def test_parts_have_a_column_where_there_are_any(tmp_path, samples, scores):
    without = ScoreRows(samples, scores).sha256
    name = "pack/row-001"
    more = [*scores, Score(sample_id=name, metric="macro_f1", value=1.0, parts={"predicted": "a", "gold": "a"}),
            Score(sample_id=name, metric="pearson", value=None, parts={"predicted": 0.5, "gold": 1.0})]
    path = tmp_path / "samples.parquet"
    value = write_samples(path, ScoreRows(samples, more))
    rows = read_samples(path, value).to_pylist()
    found = {row["metric"]: (row["value"], row["reason"], row["parts"]) for row in rows}
    assert list(rows[0]) == [*COLUMNS, "parts"]
    assert found["macro_f1"] == (1.0, None, '{"gold":"a","predicted":"a"}')
    assert found["pearson"] == (None, None, '{"gold":1,"predicted":0.5}')
    assert found["flip"][2] is None
    changed = [one.model_copy(update={"parts": {"predicted": 0.5, "gold": 1.5}}) if one.metric == "pearson" else one
               for one in more]
    assert len({value, without, ScoreRows(samples, changed).sha256}) == 3


def test_one_altered_value_is_found(tmp_path, samples, scores):
    folder = RunFolder(tmp_path)
    value = folder.write_samples(ScoreRows(samples, scores))
    changed = [one.model_copy(update={"value": math.nextafter(0.1, 1)}) if one.value == 0.1 else one for one in scores]
    folder.write_samples(ScoreRows(samples, changed))
    with pytest.raises(RecordError, match="not those that audit"):
        folder.check_samples(value)


def test_the_same_rows_give_the_same_bytes(tmp_path, samples, scores):
    for name in "ab":
        write_samples(tmp_path / name, ScoreRows(samples, scores))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_content_is_what_was_asked_and_what_is_right(make_sample):
    base = content_sha256(make_sample(0))
    same = make_sample(0, id="pack/other", clusters={"template": "z"}, metadata={}, source={"file": "x", "line": 9})
    assert content_sha256(same) == base
    for change in (
        {"target": "anti"}, {"input": {"context": "x"}}, {"choices": ()}, {"groups": {}}, {"arm": "swap"},
        {"benchmark": "other"},
    ):
        assert content_sha256(make_sample(0, **change)) != base, change


def test_scores_that_contradict_or_belong_to_nobody(samples, make_sample):
    one = Score(sample_id="pack/row-000", metric="accuracy", value=0.0)
    assert len(ScoreRows(samples, [one, one])) == 1
    with pytest.raises(MeasurementError, match="two different scores of accuracy"):
        ScoreRows(samples, [one, one.model_copy(update={"value": 1.0})])
    with pytest.raises(MeasurementError, match="no sample and no origin"):
        ScoreRows(samples, [Score(sample_id="pack/row-99", metric="accuracy", value=0.0)])
    both = [*samples, make_sample(0, benchmark="pack2", id="pack2/row-000")]
    with pytest.raises(MeasurementError, match="pack and pack2"):
        ScoreRows(both, [Score(sample_id="o-0", metric="flip", value=0.0)])
    (row,) = ScoreRows(both, [Score(sample_id="pack2/o-0", metric="flip", value=0.0)])
    assert row.benchmark == "pack2"


def test_nan_is_not_written(tmp_path, samples):
    bad = Score(sample_id="pack/row-000", metric="a", value=0.0).model_copy(update={"value": float("nan")})
    with pytest.raises(MeasurementError, match="cannot be written"):
        write_samples(tmp_path / "x", ScoreRows(samples, [bad]))
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_it(tmp_path, samples, scores):
    path = tmp_path / "samples.parquet"
    with pytest.raises(RunFolderError, match="no such file"):
        read_samples(path)
    write_samples(path, ScoreRows(samples, scores))
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    with pytest.raises(RecordError, match="cannot be read"):
        read_samples(path)
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), path)
    with pytest.raises(RecordError, match="expected the columns"):
        read_samples(path)


def test_frame(tmp_path, samples, scores):
    path = tmp_path / "samples.parquet"
    frame = read_frame(path, write_samples(path, ScoreRows(samples, scores)))
    assert list(frame.columns) == COLUMNS
    assert frame.value.isna().tolist() == [False, True, False, False, True]
    assert frame.answer.tolist()[2] == "NA"


def test_no_rows(tmp_path):
    path = tmp_path / "samples.parquet"
    assert write_samples(path, ScoreRows([], [])) == hashlib.sha256(b"").hexdigest()
    assert read_samples(path).num_rows == 0


def test_heavy_libraries_are_imported_late():
    names = "store.samples", "store.folder", "store.journal", "store.cache", "run.runner"
    script = "import sys\n" + "".join(f"import auditkit.{name}\n" for name in names)
    script += "print(sorted({'pandas', 'pyarrow', 'torch', 'numpy', 'scipy'} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True)
    assert found.stdout.strip() == "[]"


def test_rows_in_another_order_or_of_other_kinds_are_not_those_that_are_pinned(tmp_path, samples, scores):
    folder = RunFolder(tmp_path)
    value = folder.write_samples(ScoreRows(samples, scores))
    table = pyarrow.parquet.read_table(folder.samples)
    odd = (b"\xff", dt.date(2026, 1, 1), [1])
    others = [
        table.take([1, 0, 2, 3, 4]), table.slice(0, 4), table.set_column(6, "value", pyarrow.array([math.nan] * 5)),
        *(table.set_column(8, "answer", pyarrow.array([cell] * 5)) for cell in odd),
    ]
    for other in others:
        pyarrow.parquet.write_table(other, folder.samples)
        with pytest.raises(RecordError, match="not those that audit"):
            folder.check_samples(value)


def test_rows_are_made_when_they_are_read(samples, monkeypatch):
    made = []
    monkeypatch.setattr("auditkit.store.samples.ScoreRow", lambda **cells: made.append(cells["sample_id"]))
    rows = ScoreRows(samples, [Score(sample_id=sample.id, metric="accuracy", value=0.0) for sample in samples])
    assert (len(rows), made) == (4, [])
    next(iter(rows))
    assert made == ["pack/row-000"]
