"""A user's own rows by group, from the file to what is printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import _run
from auditkit.errors import PackError
from auditkit.load.own_data import MOST_RATED, open_task
from auditkit.schema import Task

Row = tuple[str, str, str]
"""Label, answer, cells of the group columns."""


def audited(rows: Sequence[Row], axes: str, keys: str = "", policy: str = "none") -> dict[str, Any]:
    """The audit of saved answers to rows in the current folder; `axes` are the names of the group columns."""
    cells = [f"{number},text number {number},{label},{group}\n" for number, (label, _, group) in enumerate(rows)]
    Path("data.csv").write_text("".join([f"id,text,label,{axes}\n", *cells]), encoding="utf-8")
    answers = [f"{number},{answer}\n" for number, (_, answer, _) in enumerate(rows)]
    Path("answers.csv").write_text("".join(["id,answer\n", *answers]), encoding="utf-8")
    groups = ", ".join(f"{axis}: {axis}" for axis in axes.split(","))
    Path("audit.yaml").write_text(
        f"packs: []\nexplain: {{samples: 0}}\npolicy: {policy}\ntasks:\n  - name: t\n    task: classification\n"
        f"    data: data.csv\n    columns: {{id: id}}\n    groups: {{{groups}}}\n{keys}",
        encoding="utf-8",
    )
    _run(["audit", "predictions:answers.csv", "--config", "audit.yaml", "--out", "run", "--quiet"])
    audit: dict[str, Any] = json.loads(Path("run/audit.json").read_text(encoding="utf-8"))
    return audit


def value_of(audit: dict[str, Any], metric: str, **part: str) -> dict[str, Any]:
    """The estimate of a metric, over all rows or of a part."""
    named = {"axis": None, "group": None, "contrast": None} | part
    (estimate,) = (
        item for item in audit["estimates"]
        if item["id"]["metric"] == metric and {key: item["id"].get(key) for key in named} == named
    )
    return dict(estimate)


def test_missing_groups_are_one_and_said_and_small_ones_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [("pos" if i % 3 else "neg", "pos", group) for group in ("female", "male") for i in range(30)]
    rows += [("neg", "pos", group) for group in (" ", "", "nan", "None", "NA")] + [("neg", "pos", "other")] * 9
    audit = audited(rows, "gender")
    groups = {
        item["id"]["group"]: item["n"] for item in audit["estimates"]
        if item["id"]["metric"] == "accuracy" and item["id"].get("group")
    }
    assert groups == {"female": 30, "male": 30, "other": 9, "unknown": 5}
    gap = value_of(audit, "accuracy", axis="gender", contrast="gap")
    assert (gap["value"], gap["n"], gap.get("between")) == (0.0, 60, None)
    said = capsys.readouterr().out
    report = Path("run/report.md").read_text(encoding="utf-8")
    page = Path("run/index.html").read_text(encoding="utf-8")
    for text in (said, report.replace("\\", ""), page):
        assert "5 of 74 rows name no gender" in text
        assert "fewer than 10 rows are shown and not compared" in text
        assert "other (9)" in text


def test_a_smaller_group_is_compared_where_the_task_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(label, "pos", group) for group, n in (("female", 30), ("other", 9)) for label in ["pos", *["neg"] * n]]
    audit = audited(rows[:-1], "gender", "    smallest_group: 9\n", "packs")
    gap = value_of(audit, "accuracy", axis="gender", contrast="gap")
    assert gap["value"] == pytest.approx(1 / 9 - 1 / 31)
    assert gap["between"] == ["other", "female"]
    # nothing judges it: checks to begin with are told, contrasts without parts of their own among what was declared
    assert "my-policy" in capsys.readouterr().out


FILTER = [("toxic", "toxic" if i < 24 or group == "b" else "ok", group) for group in "ab" for i in range(40)] + [
    ("ok", "toxic" if group == "b" and i < 16 else "ok", group) for group in "ab" for i in range(40)
]
"""A filter that is equally accurate for both dialects, and flags 40 % of the harmless posts of one alone."""


def test_a_policy_bounds_error_rates_by_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bounds = "benchmark: t, arm: all, axis: dialect, contrast: gap, bound: 0.1"
    Path("policy.yaml").write_text(
        f"schema_version: 1\nname: p\nchecks:\n  - {{rule: AK100, metric: 'false_positive_rate:toxic', {bounds}}}\n"
        f"  - {{rule: AK100, metric: 'equalized_odds_difference:toxic', {bounds}}}\n",
        encoding="utf-8",
    )
    audit = audited(FILTER, "dialect", "    positive: toxic\n", "policy.yaml")
    assert audit["verdict"]["exit_code"] == 1
    assert [(finding["status"], finding["cause"]) for finding in audit["findings"]] == [("fail", "missed")] * 2
    assert all(reading["ok"] for reading in audit["selftest"])
    said = capsys.readouterr().out
    assert "t/false_positive_rate:toxic@all[dialect:gap]  0.400" in said
    assert "(highest: b, lowest: a)" in said
    rated = {item["id"]["metric"].partition(":")[2] for item in audit["estimates"]}
    assert rated == {"", "toxic"}
    assert _run(["verify", "run"]) == 0


def test_positive_names_one_of_the_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text("text,label\na,ok\nb,toxic\n", encoding="utf-8")
    task = Task(name="t", task="classification", data="data.csv", positive="toxi")
    with pytest.raises(PackError, match='task t: "positive" is "toxi", none of the classes; did you mean "toxic"'):
        open_task(task)
    card, _ = open_task(task.model_copy(update={"positive": ("toxic",)}))
    assert {use.metric.partition(":")[2] for use in card.metrics} == {"", "toxic"}


def test_of_many_classes_the_most_frequent_are_rated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labels = [f"c{number}" for number in range(MOST_RATED + 2) for _ in range(number + 1)]
    rows = [f"text {place},{label}\n" for place, label in enumerate(labels)]
    Path("data.csv").write_text("".join(["text,label\n", *rows]), encoding="utf-8")
    card, _ = open_task(Task(name="t", task="classification", data="data.csv"))
    rated = list(dict.fromkeys(use.metric.partition(":")[2] for use in card.metrics if ":" in use.metric))
    assert rated == [f"c{number}" for number in range(MOST_RATED + 1, 1, -1)]
