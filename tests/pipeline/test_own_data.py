"""Whole audits of published packs and of the user's own data, with planted models, on a few rows of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import auditkit
from auditkit.cli import _run
from auditkit.load.packs import published_names
from auditkit.schema import Audit

ROWS = "review,stars,who\n" + "".join(
    f"review number {i},{('good', 'bad', 'mixed')[i % 3]},{'ab'[i % 2]}\n" for i in range(60)
)


def headline(audit: Audit) -> dict[str, float | None]:
    return {
        str(estimate.id): estimate.value for estimate in audit.estimates
        if estimate.id.pooled
    }


@pytest.mark.slow
def test_every_published_pack_is_audited(tmp_path: Path, mirror: Path) -> None:
    packs = [{"xquad": "xquad:zh,en", "flores200": "flores200:eng-jpn"}.get(name, name) for name in published_names()]
    result = auditkit.audit("planted:always-right", packs=packs, limit=40, out=str(tmp_path / "run"))
    assert [card.name for card in result.benchmarks] == published_names()
    assert [reading for reading in result.selftest if not reading.ok] == []
    assert {card.name for card in result.benchmarks} == {reading.estimate.benchmark for reading in result.selftest}
    values = headline(result)
    right = {name: 100.0 for name in values if "/bleu@" in name or "/chrf@" in name}
    right |= {name: 0.0 for name in values if "/unscored_share@" in name}
    del values["crows-pairs/unscored_share@pair"]  # no text of a pair is the right one, which this answerer must know
    for name, value in values.items():
        if "bias_score" not in name and "stereotype_score" not in name and "calibration" not in name:
            assert value == pytest.approx(right.get(name, 1.0), abs=1e-9), name
    assert {card.edition for card in result.benchmarks} == {
        "published", "redistributed", "converted", "subset", "rebuilt",
    }


def test_a_task_of_the_configuration_beside_a_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reviews.csv").write_text(ROWS, encoding="utf-8")
    Path("audit.yaml").write_text(
        "model: planted:never-stereotyped\npacks: [claims]\nlimit: 60\nexplain: {samples: 0}\n"
        "tasks:\n  - name: reviews\n    task: classification\n    data: reviews.csv\n"
        "    columns: {text: review, label: stars}\n    groups: {gender: who}\n    limit: 30\n"
        "    metrics: [{metric: accuracy, arm: all, groups: true}]\n",
        encoding="utf-8",
    )
    assert _run(["audit", "--config", "audit.yaml", "--out", "run", "--quiet"]) in (0, 3)
    audit = json.loads(Path("run/audit.json").read_text(encoding="utf-8"))
    assert audit["sampled"] == {"claims": [60, 1216], "reviews": [30, 60]}
    card = audit["benchmarks"][1]
    assert (card["name"], card["rows"], len(card["sha256"])) == ("reviews", 60, 64)
    readings = [reading for reading in audit["selftest"] if reading["estimate"]["benchmark"] == "reviews"]
    assert readings
    assert all(reading["ok"] for reading in readings)
    names = [estimate["id"] for estimate in audit["estimates"] if estimate["id"]["benchmark"] == "reviews"]
    groups = {name["group"] for name in names}
    assert {"a", "b"} <= groups
    assert _run(["verify", "run"]) == 0
    assert _run(["resume", "run"]) in (0, 3)


def test_changed_data_make_another_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["audit", "planted:random", "--task", "classification", "--data", "reviews.csv",
               "--columns", "text=review,label=stars", "--explain", "0", "--quiet", "--out", "run"]
    Path("reviews.csv").write_text(ROWS, encoding="utf-8")
    assert _run(command) == 3
    assert [card["name"] for card in json.loads(Path("run/audit.json").read_bytes())["benchmarks"]] == ["reviews"]
    Path("reviews.csv").write_text(ROWS.replace("number 7,", "number seven,"), encoding="utf-8")
    assert _run(command) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--task", "classification"], "--task and --data go together"),
        (["--data", "reviews.csv"], "--task and --data go together"),
        (["--columns", "text=a"], "--columns describes --data"),
        (["--groups", "sex=a", "--columns", "text=a"], "--columns and --groups describe --data"),
        (["--task", "classification", "--data", "x.csv", "--columns", "text"], "expected NAME=VALUE pairs"),
        (["--task", "clasification", "--data", "x.csv"], 'no task is called "clasification"; did you mean "cl'),
        (["--task", "classification", "--data", "x.csv"], "x.csv: no such file"),
        (["--task", "classification", "--data", "x.csv", "--config", "audit.yaml"], "cannot be given together"),
        (["--pack", "xqad"], 'no benchmark pack is called "xqad"; did you mean "xquad"?'),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    options: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("audit.yaml").write_text("model: planted:random\n", encoding="utf-8")
    assert _run(["audit", "planted:random", *options, "--quiet"]) == 2
    message = capsys.readouterr().err
    assert expected in message
    assert message.count("\n") == 1


def test_a_misspelt_key_of_a_task_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("audit.yaml").write_text(
        "model: planted:random\ntasks:\n  - name: a\n    task: tagging\n    dta: x\n", encoding="utf-8"
    )
    assert _run(["audit", "--config", "audit.yaml", "--quiet"]) == 2
    assert 'audit.yaml:5: unknown key "tasks.0.dta"; did you mean "data"?' in capsys.readouterr().err


def test_the_data_commands(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path))
    assert _run(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert sorted(rows) == published_names()
    assert (rows["gsm8k"]["files"], rows["gsm8k"]["rows"], rows["gsm8k"]["license"]) == ("mirror", 1319, "MIT")
    assert rows["gsm8k"]["bytes"] == 749738
    assert _run(["data", "pull", "gsm8k", "--offline", "--quiet"]) == 0
    assert "gsm8k: 1319 rows, as its card says" in capsys.readouterr().out
    assert _run(["data", "verify"]) == 0
    (path,) = (tmp_path / "data").glob("*/test.jsonl")
    path.write_bytes(path.read_bytes()[:-1])
    assert _run(["data", "verify"]) == 4
    assert "1 files, 1 of them damaged" in capsys.readouterr().out
    monkeypatch.delenv("AUDITKIT_MIRROR")
    assert _run(["data", "pull", "boolq", "--offline"]) == 2
    assert "boolq: dev.jsonl is not in the cache and no mirror is named" in capsys.readouterr().err
