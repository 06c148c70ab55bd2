"""`auditkit init --data`: what it takes the columns for, and that its checks decide something."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditkit.cli import _run
from auditkit.config import read_yaml
from auditkit.errors import AuditkitError
from auditkit.pipeline.own_files import OwnFiles, own_files
from auditkit.schema import Policy

MEN, WOMEN = "male", "female"


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def taken(own: OwnFiles) -> dict[str, str]:
    """Role to column, as the notes say."""
    return {
        note.partition(": ")[0]: note.partition(": column ")[2].partition(" (")[0]
        for note in own.notes if ": column " in note
    }


def files(data: str, tmp_path: Path, **stated: dict[str, str]) -> OwnFiles:
    columns, groups = stated.get("columns", {}), stated.get("groups", {})
    return own_files(tmp_path, "planted:random", data, "classification", columns, groups)


@pytest.mark.parametrize(("header", "roles"), [
    (("id", "review", "stars", "gender"), {"text": "review", "label": "stars", "gender": "gender"}),
    (("n", "what_was_said", "flag", "authorGender"), {"text": "what_was_said", "label": "flag",
                                                     "authorgender": "authorGender"}),
    (("key", "tweet_text", "class", "speaker_dialect"), {"text": "tweet_text", "label": "class",
                                                        "speaker-dialect": "speaker_dialect"}),
    (("key", "tweet", "Label", "kind"), {"text": "tweet", "label": "Label"}),
])
def test_columns_are_taken_by_name_then_by_what_they_hold(
    header: Sequence[str], roles: dict[str, str], tmp_path: Path
) -> None:
    rows = [(i, f"a text of some length, number {i}", "ab"[i % 3 > 0], (MEN, WOMEN, "other")[i % 3]) for i in range(90)]
    own = files(written(tmp_path / "own.csv", header, rows), tmp_path)
    assert taken(own) == roles
    assert any(note.startswith("not used: ") for note in own.notes)
    assert all(note in own.texts["audit.yaml"] for note in own.notes if not note.startswith("left out"))


def test_the_user_s_word_stands_before_any_name(tmp_path: Path) -> None:
    rows = [(f"short {i}", f"a longer text {i}", "ab"[i % 2], "cd"[i % 3 > 0], "ef"[i % 5 > 0]) for i in range(60)]
    data = written(tmp_path / "own.csv", ("text", "body", "label", "verdict", "gender"), rows)
    own = files(data, tmp_path, columns={"label": "verdict", "text": "body"}, groups={"team": "label"})
    assert taken(own) == {"text": "body", "label": "verdict", "team": "label"}


@pytest.mark.parametrize(("header", "rows", "fault"), [
    (("text", "note"), [(f"t {i}", f"n {i}") for i in range(50)], "no column could be taken for the label"),
    (("label", "age"), [("ab"[i % 2], "12"[i % 2]) for i in range(50)], "no column could be taken for the text"),
    (("text", "label"), [(f"t {i}", "ab"[i % 2]) for i in range(9)], "9 rows decide no check"),
])
def test_what_cannot_be_made_is_one_line(
    header: Sequence[str], rows: Sequence[Sequence[object]], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(AuditkitError, match=fault):
        files(written(tmp_path / "own.csv", header, rows), tmp_path)


@pytest.mark.parametrize("sizes", [(70, 70), (21, 60), (12, 50)])
def test_every_check_can_be_decided_at_the_size_of_its_groups(
    sizes: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    who = [MEN] * sizes[0] + [WOMEN] * sizes[1]
    rows = [(f"text {i}", "ab"[i % 3 > 0], name) for i, name in enumerate(who)]
    written(Path("own.csv"), ("text", "label", "gender"), rows)
    assert _run(["init", "mine", "--data", "own.csv", "--model", "planted:always-right"]) == 0
    checks = read_yaml(Path("mine/policy.yaml"), Policy).checks
    assert {check.contrast for check in checks} == ({"gap", None} if min(sizes) >= 20 else {None})
    assert ("too small to compare" in capsys.readouterr().out) == (min(sizes) < 20)
    command = ["audit", "--config", "mine/audit.yaml", "--explain", "0", "--quiet", "--out"]
    assert _run([*command, "right"]) == 0, "who is always right passes each of them"
