"""Own data without a policy of their own: measured, not judged, and told what would judge them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from auditkit.cli import _run

COMMAND = ["audit", "predictions:answers.jsonl", "--task", "classification", "--data", "reviews.csv", "--columns",
           "text=review,label=stars", "--groups", "gender=who", "--explain", "0", "--quiet", "--out", "run"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """240 reviews in two classes, two to one; a fifth of the women's and none of the men's are answered wrongly."""
    monkeypatch.chdir(tmp_path)
    with open("reviews.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "review", "stars", "who"])
        for i in range(240):
            rows.writerow([i, f"review number {i}", "good" if i % 3 else "bad", "female" if i % 2 else "male"])
    answers = []
    for i in range(240):
        right, wrong = ("good", "bad") if i % 3 else ("bad", "good")
        answers.append({"id": str(i), "answer": wrong if i % 2 and i % 10 in (1,) else right})
    Path("answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in answers), encoding="utf-8")
    return tmp_path


def test_the_terminal_says_what_was_measured_and_what_would_judge_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(COMMAND) == 3
    lines = capsys.readouterr().out.replace("\xa0", " ").splitlines()
    assert lines[0].startswith("Measured, not judged: no check applies. None of 31 checks of policy default (")
    words = [" ".join(line.split()) for line in lines]
    assert "accuracy 90.0 % [85.5, 93.5] n=240 majority class 66.7 %, chance 50.0 %" in words
    place = lines.index("  accuracy by gender")
    assert lines[place + 2].split()[:2] == ["female", "80.0"]
    assert lines[place + 3].split()[:2] == ["male", "100.0"]
    assert not any("NOT RUN" in line for line in lines)
    assert json.loads(Path("run/audit.json").read_bytes())["config"]["packs"] == []

    begin = lines.index("  schema_version: 1")
    policy = [line[2:] for line in lines[begin:] if line.startswith("  ")][: lines[begin:].index("Not measured:")]
    Path("policy.yaml").write_text("\n".join(policy) + "\n", encoding="utf-8")
    assert _run([*COMMAND[:-1], "judged", "--policy", "policy.yaml"]) == 1
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert "AK101  reviews/accuracy@all[gender:gap]  0.200" in out
    assert "PASS      AK100  reviews/accuracy@all  0.900" in out
    assert "schema_version" not in out


def test_who_asks_for_no_judgement_gets_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run([*COMMAND, "--policy", "none"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Measured, not judged (policy none).")
    assert "accuracy by gender" in out
    assert "schema_version" not in out


def test_a_file_with_tasks_names_no_packs(folder: Path) -> None:
    task = "{name: reviews, task: classification, data: reviews.csv, columns: {text: review, label: stars}}"
    Path("audit.yaml").write_text(
        f"model: predictions:answers.jsonl\nexplain: {{samples: 0}}\ntasks: [{task}]\n", encoding="utf-8"
    )
    assert _run(["audit", "--config", "audit.yaml", "--out", "run", "--quiet"]) == 3
    assert list(json.loads(Path("run/audit.json").read_bytes())["sampled"]) == ["reviews"]
