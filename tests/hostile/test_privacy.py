"""What `evidence` keeps back is in no file but the journal; and nobody else reads a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import _run
from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded
from auditkit.models.scripted.planted import PlantedAdapter
from auditkit.pipeline.verify import verify
from auditkit.schema import FreeText, Output
from auditkit.store.cache import AnswerCache

from .forging import audit

MARKS = {
    "text": "zebrafish", "reference": "quokkanote", "column": "pangolinry", "answer": "axolotlean",
    "error": "ocelotized",
}
"""What a file is searched for: a word of each place where texts come from."""


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows, answers and errors with a marked word in each."""
    path = tmp_path / "rows.jsonl"
    rows = [
        {"q": f"Row {n}: {MARKS['text']} {n}?", "a": f"{MARKS['reference']} {n}", "c": f"{MARKS['column']} {n // 2}"}
        for n in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def execute(self: PlantedAdapter, batch: list[Encoded]) -> Iterator[Output]:
        for item in batch:
            if item.request.sha256[0] in "0123":
                raise MeasurementError(f"{MARKS['error']}: cannot answer {item.request.text.upper()!r}")
            yield Output(
                request=item.request.sha256, rule=item.request.rule, answer=FreeText(text=f"{MARKS['answer']} says so"),
                finish_reason="stop",
            )

    monkeypatch.setattr(PlantedAdapter, "execute", execute)
    return path


def run_marked(rows: Path, out: Path, evidence: str) -> None:
    """An audit of free answers, some of them errored."""
    task = {
        "name": "mine", "task": "generative-qa", "data": str(rows), "columns": {"question": "q", "answers": "a"},
        "clusters": ("c",),
    }
    audit(out, packs=(), tasks=(task,), limit=None, evidence=evidence)


@pytest.mark.parametrize("evidence", ["hash", "none"])
def test_texts_are_in_no_file_but_the_journal(evidence: str, marked: Path, tmp_path: Path) -> None:
    import pyarrow.parquet

    out = tmp_path / "run"
    run_marked(marked, out, evidence)
    rows = pyarrow.parquet.read_table(out / "samples.parquet").to_pylist()
    contents = {path.name: path.read_bytes().lower() for path in out.iterdir() if path.name != "journal.jsonl"}
    contents["the rows of samples.parquet"] = repr(rows).lower().encode()
    for place, word in MARKS.items():
        if (place, evidence) == ("error", "hash"):
            continue  # words of an error that quote no row stay, or nobody could mend it
        assert not [name for name, content in contents.items() if word.encode() in content], place
    assert verify(out).estimates > 0


def test_with_full_evidence_they_are_there(marked: Path, tmp_path: Path) -> None:
    """Else the test above could not fail."""
    run_marked(marked, tmp_path / "run", "full")
    content = (tmp_path / "run" / "audit.json").read_bytes().lower()
    assert all(word.encode() in content for word in MARKS.values())


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("shared", [False, True])
def test_only_the_owner_reads_a_run_unless_it_is_shared(umask: int, shared: bool, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        audit(tmp_path / "run", shared=shared)
        assert _run(["render", str(tmp_path / "run"), *(["--shared"] if shared else [])]) == 0
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in [*(tmp_path / "run").iterdir()]}
    assert (tmp_path / "run").stat().st_mode & 0o777 == (0o755 & ~umask if shared else 0o700)
    assert modes <= ({0o644, 0o644 & ~umask} if shared else {0o600})


def test_a_page_that_others_could_read_is_closed_when_it_is_written_again(run: Path) -> None:
    (run / "index.html").chmod(0o666)
    assert _run(["render", str(run)]) == 0
    assert (run / "index.html").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with answers of two models, one of them old."""
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    with AnswerCache.open() as opened:
        for number, model in enumerate(["mine", "mine", "yours"]):
            output = Output(request=f"{number}" * 64, rule="text", answer=FreeText(text=f"secret-{model}-{number}"))
            opened.put_many(f"f-{model}", [output], model)
        assert opened._connection is not None
        opened._connection.execute("UPDATE answers SET added = added - 10 * 86400 WHERE request LIKE '0%'")
    return tmp_path / "cache"


def left(cache: Path) -> set[str]:
    """Which answers any file of the cache still holds."""
    names = {"mine-0", "mine-1", "yours-2"}
    return {name for name in names for path in cache.iterdir() if f"secret-{name}".encode() in path.read_bytes()}


@pytest.mark.parametrize(("words", "remaining"), [
    ([], set()), (["mine"], {"yours-2"}), (["--older-than", "7"], {"mine-1", "yours-2"}),
    (["mine", "--older-than", "30"], {"mine-0", "mine-1", "yours-2"}),
    (["another"], {"mine-0", "mine-1", "yours-2"}),
])
def test_purging_leaves_nothing_behind(words: list[str], remaining: set[str], cache: Path, capsys: Any) -> None:
    assert left(cache) == {"mine-0", "mine-1", "yours-2"}
    assert _run(["cache", "purge", *words]) == 0
    assert f"{3 - len(remaining)} answers removed" in capsys.readouterr().out
    assert left(cache) == remaining


def test_the_cache_shows_place_and_size(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["cache"]) == 0
    text = capsys.readouterr().out
    assert str(cache) in text
    assert "mine: 2 answers" in text
    assert "yours: 1 answers" in text
