"""What people see while an audit runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import re
import sys

import pytest

from auditkit.cli.progress import in_words, progress
from auditkit.schema.event import Event, PackProgress

EVENTS = [
    Event("load", "claims: 20 of 384 rows"),
    *(
        Event("run", f"{done} of 40 requests answered, 2.0 requests/s", done, 40, (40 - done) / 2, (
            PackProgress("claims", min(done, 20), 20), PackProgress("stereotype-pairs", max(0, done - 20), 20),
        ))
        for done in range(0, 41, 2)
    ),
    Event("render", "reports/[x]/index.html"),
]


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "150")):
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with progress() as on_event:
        for event in EVENTS:
            on_event(event)
    return stream.getvalue()


def test_plain_lines_are_one_each_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, terminal=False).splitlines()
    assert len(lines) == 1 + 11 + 1
    assert lines[0] == "load: claims: 20 of 384 rows"
    assert lines[1] == (
        "run: 0/40 0 of 40 requests answered, 2.0 requests/s, 20 s left (claims 0/20, stereotype-pairs 0/20)"
    )
    assert lines[-2] == "run: 40/40 40 of 40 requests answered, 2.0 requests/s (claims 20/20, stereotype-pairs 20/20)"
    assert not any("\x1b" in line for line in lines)


def test_a_terminal_gets_one_live_display(monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown(monkeypatch, terminal=True))
    assert "claims: 20 of 384 rows" in text
    assert "reports/[x]/index.html" in text, "brackets are no markup"
    last = [line for line in re.split(r"[\r\n]+", text) if "40/40" in line][-1]
    assert last.startswith("run")
    assert "2.0 requests/s" in last
    packs = [line for line in re.split(r"[\r\n]+", text) if line.strip().startswith("stereotype-pairs")]
    assert "20/20" in packs[-1]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (11_100, "3 h 05 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
