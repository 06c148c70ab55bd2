"""Nothing that a row, an id, a server or a file name says is obeyed by a terminal or by the log of a CI service."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from auditkit.cli import _run
from auditkit.cli import progress as drawing
from auditkit.cli.terminal import EscapingWriter, one_line, style
from auditkit.schema.event import Event, PackProgress

HOSTILE = {
    "title": "\x1b]0;owned\x07", "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "colour": "\x1b[31m",
    "hidden": "\x1b[8m", "clear": "\x1b[2J\x1b[H", "up": "\x1b[1A", "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "device": "\x1bP$q\x1b\\", "reset": "\x1bc", "c1": "\x9b31m", "c1 title": "\x9d0;owned\x9c", "return": "safe\revil",
    "back": "safe\b\b\b\bevil", "bell": "\a", "null": "\0", "delete": "\x7f", "override": "\u202eevil\u202c",
    "isolate": "\u2067evil\u2069", "mark": "\u200f\u061c", "hidden letters": "\U000e0041\U000e007f",
    "line separator": "a\u2028::error::evil", "next line": "a\x85::error::evil", "form feed": "a\x0cb\x0bc",
    "lone surrogate": "\ud800", "zero width": "\u200b\ufeff",
}
"""Name to a text that would do something."""
COMMANDS = {
    "error": "::error file=x::evil", "mask": "::add-mask::a", "stop": "::stop-commands::x", "group": "::group::x",
    "azure": "##vso[task.setvariable variable=PATH]evil", "azure log": "##[error]evil", "azure inside": "x ##vso[a]b",
    "indented": "  \t::warning::evil", "old": "##[command]evil", "three": "###vso[task.x]a",
    "set": "::set-env name=P::x",
    "after a wide space": "\u3000::error::evil",
}
"""Name to a line that a CI service would run."""


def written(*texts: str) -> str:
    """What a writer hands on."""
    stream = io.StringIO()
    writer = EscapingWriter(stream)
    for text in texts:
        writer.write(text)
    return stream.getvalue()


def assert_harmless(text: str) -> None:
    """No character that is obeyed, and no command of a CI service."""
    assert all(letter.isprintable() or letter in "\n\t\xa0\u202f\u3000" for letter in text), ascii(text)
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_terminal_obeys_is_escaped(name: str) -> None:
    assert_harmless(written(HOSTILE[name]))
    assert_harmless(one_line(HOSTILE[name]))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("before", ["", "a row\n", "\n\n", "x\n \n"])
def test_what_a_ci_service_runs_is_escaped(name: str, before: str) -> None:
    assert_harmless(written(before + COMMANDS[name] + "\n"))
    assert_harmless(written(before, *COMMANDS[name], "\n"))  # letter by letter


def test_the_same_is_said_in_json() -> None:
    data = {"answers": [*HOSTILE.values(), *COMMANDS.values()], "##": "a\\##\\\\##", "::k": 1}
    for indent in (None, 2):
        text = written(json.dumps(data, ensure_ascii=False, indent=indent))
        assert_harmless(text)
        assert json.loads(text) == data


def test_plain_text_is_left_alone() -> None:
    text = "Fail: äöü 日本語 12\u202f% a::b # one #2\n\ttab: x\n"
    assert written(text) == text
    assert written(*text) == text


def test_own_colours_show_on_a_terminal_and_cannot_be_made_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        """A stream that says it is a terminal."""

        def isatty(self) -> bool:
            return True

    stream = Terminal()
    EscapingWriter(stream).write(style("FAIL", fg="red", bold=True) + " \x1b[31mevil\x1b[0m")
    assert stream.getvalue() == "\x1b[31;1mFAIL\x1b[0m \\u001b[31mevil\\u001b[0m"
    assert written(style("FAIL", fg="red")) == "FAIL"


def echo(text: str) -> None:
    click.echo(text)


def echo_error(text: str) -> None:
    click.echo(text, err=True)


def fail(text: str) -> None:
    raise ValueError(text)


def misuse(text: str) -> None:
    raise click.UsageError(text)


def warn(text: str) -> None:
    # as Python's own `showwarning` does; pytest puts a recorder in its place
    sys.stderr.write(warnings.formatwarning(text, UserWarning, text, 1))


def tell(text: str) -> None:
    with drawing.progress() as on_event:
        on_event(Event("run", text))
        on_event(Event("run", text, done=1, total=2, parts=(PackProgress(text, 1, 1), PackProgress("b", 0, 1))))


def log(text: str) -> None:
    logger, handler = logging.getLogger("a library"), logging.StreamHandler()
    logger.addHandler(handler)
    logger.warning(text)
    logger.removeHandler(handler)


@pytest.mark.parametrize("speak", [echo, echo_error, fail, misuse, warn, tell, log, print])
@pytest.mark.parametrize("debug", [False, True])
def test_every_way_to_print_is_escaped(
    speak: Callable[[str], Any], debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [*(text for text in HOSTILE.values() if text != "\ud800"), *(f"a\n{text}" for text in COMMANDS.values())]

    def main(**_: Any) -> int:
        speak("a\n" + " b ".join(texts) + "\n" + "\n".join(texts))
        return 0

    monkeypatch.setattr("auditkit.cli.app.app.main", main)
    _run(["--debug", "x"] if debug else ["x"])
    text = capsys.readouterr()
    assert "evil" in text.out + text.err
    assert_harmless(text.out)
    assert_harmless(text.err)


def test_an_error_is_one_line_whatever_it_quotes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("auditkit.cli.app.app.main", lambda **_: fail("a\nVerified: all is well\n"))
    assert _run(["x"]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_the_live_line_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with drawing._live() as on_event:
        on_event(Event("run", "\x1b]0;owned\x07 \u202e [bold]x"))
        on_event(Event("run", "\x1b]8;;evil\x07", done=1, total=2))
    assert "\x1b]" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


def test_rows_ids_and_names_of_files_reach_no_log_as_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = tmp_path / "##vso[x].csv"
    lines = ['id,text,label'] + [f'"{number}\n::error::evil{number}",\x1b[31mtext {number},{"ab"[number % 2]}'
                                 for number in range(40)]
    rows.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    command = ["audit", "planted:random", "--task", "classification", "--data", str(rows), "--out", "run"]
    for words in (command, ["show", "::error::evil", "--run", "run"], ["gate", "run"], ["verify", "run"],
                  ["audit", "##vso[task]x\n::error::x"], ["show", "x", "--run", "run\n::add-mask::x"]):
        _run(words)
        text = capsys.readouterr()
        assert text.out + text.err
        assert_harmless(text.out)
        assert_harmless(text.err)
    for name in ("junit.xml", "report.md", "results.sarif"):
        if (tmp_path / "run" / name).exists():
            content = (tmp_path / "run" / name).read_text(encoding="utf-8")
            assert "\x1b" not in content
            assert not any(line.lstrip().startswith("::") for line in content.splitlines()), name


def test_click_writes_nothing_past_the_writer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert _run(["audit", "\x1b[31m\u202e", "--limit", "\x1b]0;x\x07"]) == 2
    assert_harmless(capfd.readouterr().err)
