"""The guide on own data says what its commands print."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from auditkit.cli import _run

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "own-data.md"
FENCE = re.compile(r"^```(python|sh|text)\n(.*?)^```", re.M | re.S)


def words(line: str) -> str:
    """The line with single spaces."""
    return " ".join(line.replace("\xa0", " ").split())


@pytest.mark.slow
def test_commands_print_what_the_guide_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    codes: list[int] = []
    printed: list[str] = []
    shown = 0
    for kind, text in FENCE.findall(GUIDE.read_text(encoding="utf-8")):
        if kind == "python":
            exec(text, {})
        elif kind == "sh":
            commands = [shlex.split(line)[1:] for line in text.splitlines()]
            codes += [_run([*command, *(["--quiet"] if command[0] == "audit" else [])]) for command in commands]
            printed = [words(line) for line in capsys.readouterr().out.splitlines()]
        else:
            place = 0
            for line in filter(None, map(words, text.splitlines())):
                if line == "…":
                    continue
                whole = line.removesuffix(" …")
                places = [number for number, other in enumerate(printed[place:], start=place)
                          if other == line or (whole != line and other.startswith(whole))]
                assert places, line
                place, shown = places[0] + 1, shown + 1
    assert codes == [3, 0, 1]
    assert shown > 12
