"""Metrics that are no means, from saved answers to a verdict, and recomputed by verify."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import f1_score

import auditkit
from auditkit.errors import RecordError
from auditkit.load.packs import seal
from auditkit.pipeline.verify import verify
from auditkit.store.samples import read_samples

CLASSES = ["joy", "anger", "fear"]
CARD = """
name: moods
version: 1
title: Moods
measures: m
limits: l
license: Apache-2.0
source: s
citation: c
language: en
request: classify
rules: [probabilities, letter]
templates:
  - text: "{text}"
files: [rows.jsonl]
groups: [gender]
clusters: [author]
choices:
  - {text: joy, label: joy}
  - {text: anger, label: anger}
  - {text: fear, label: fear}
metrics:
  - {metric: macro_f1, arm: all, groups: true}
  - {metric: matthews_correlation, arm: all}
  - {metric: accuracy, arm: all}
planted:
  - {planted: never-stereotyped, metric: macro_f1, arm: all, expect: exactly, value: 1.0}
  - {planted: garbage, metric: macro_f1, arm: all, expect: undefined}
"""
POLICY = """
name: moods
checks:
  - {rule: AK100, benchmark: moods, metric: macro_f1, arm: all, bound: 0.5, min_samples: 30, min_clusters: 20}
"""


@pytest.fixture
def pack(tmp_path: Path) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path / "moods"
    folder.mkdir()
    draw = random.Random(0)
    rows = [
        {"id": f"r{i:03}", "input": {"text": f"text number {i}"}, "target": draw.choice(CLASSES),
         "clusters": {"author": f"a{i // 3}"}, "groups": {"gender": ["female", "male"][i % 2]}}
        for i in range(120)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "card.yaml").write_text(CARD.lstrip(), encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY.lstrip(), encoding="utf-8")
    seal(folder)
    return folder, rows


def test_an_audit_of_saved_answers(tmp_path: Path, pack: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, rows = pack
    draw = random.Random(1)
    said = [row["target"] if draw.random() < 0.8 else draw.choice(CLASSES) for row in rows]
    lines = [{"id": f"moods/{row['id']}", "answer": answer} for row, answer in zip(rows, said, strict=True)]
    saved = tmp_path / "saved.jsonl"
    saved.write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]), encoding="utf-8")
    out = tmp_path / "run"
    policy = str(folder / "policy.yaml")
    audit = auditkit.audit(f"predictions:{saved}", packs=[str(folder)], out=str(out), policy=policy)
    found = {str(estimate.id): estimate for estimate in audit.estimates}
    macro = found["moods/macro_f1@all"]
    gold = [row["target"] for row in rows]
    assert macro.value == pytest.approx(f1_score(gold[:-1], said[:-1], average="macro"))
    assert macro.unscored == {"not_run": 1}
    assert macro.at_lowest_fill.value < macro.value < macro.at_highest_fill.value  # type: ignore[operator]
    assert found["moods/macro_f1@all[gender:gap]"].low is not None
    assert "moods/macro_f1@all[gender:smallest_ratio]" not in found
    assert all(reading.ok for reading in audit.selftest)
    assert [finding.status for finding in audit.findings] == ["pass"]
    assert verify(out).audit == audit
    table = read_samples(out / "samples.parquet", audit.samples_sha256).to_pylist()
    parts = {row["sample_id"]: row["parts"] for row in table if row["metric"] == "macro_f1"}
    assert json.loads(parts["moods/r000"]) == {"gold": gold[0], "predicted": said[0]}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "jackknife over 40 clusters" in page


def test_an_altered_table_is_found(tmp_path: Path, pack: tuple[Path, list[dict[str, Any]]]) -> None:
    import pyarrow
    from pyarrow import parquet

    folder, _ = pack
    out = tmp_path / "run"
    auditkit.audit("planted:random", packs=[str(folder)], out=str(out), policy=str(folder / "policy.yaml"))
    table = parquet.read_table(out / "samples.parquet")
    changed = ['{"gold":"joy","predicted":"joy"}' if text else None for text in table.column("parts").to_pylist()]
    place = table.column_names.index("parts")
    parquet.write_table(table.set_column(place, "parts", pyarrow.array(changed)), out / "samples.parquet")
    with pytest.raises(RecordError, match="not those that audit"):
        verify(out)
