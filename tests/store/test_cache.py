"""The answer cache: never another model's answer, never an error, never fatal."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from auditkit.schema import FreeText, canonical
from auditkit.store.cache import AnswerCache
from auditkit.store.paths import cache_home

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "answers.sqlite"


@pytest.fixture
def answers(make_request, make_output):
    return [make_output(make_request(n), -1.0 - n / 3) for n in range(1200)]


def keyed(outputs):
    return {output.request: output for output in outputs}


def alter(path, sql, *values):
    connection = sqlite3.connect(path)
    assert connection.execute(sql, values).rowcount == 1
    connection.commit()
    connection.close()


def test_home(monkeypatch, tmp_path):
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "x"))
    assert cache_home() == tmp_path / "x"
    with AnswerCache.open() as cache:
        assert cache.path == tmp_path / "x" / "answers.sqlite"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AUDITKIT_CACHE")
    assert cache_home() == tmp_path / ".cache" / "auditkit"


def test_answers_come_back_in_another_process_life(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers)
    with AnswerCache.open(path) as cache:
        assert cache.get_many(ONE, [output.request for output in answers] + ["0" * 64]) == keyed(answers)


def test_the_second_model_never_gets_the_first_ones_answers(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers[:3])
        assert cache.get_many(TWO, keyed(answers)) == {}
        other = [output.model_copy(update={"answer": FreeText(text="mine")}) for output in answers[:3]]
        cache.put_many(TWO, other)
        assert cache.get_many(ONE, keyed(answers)) == keyed(answers[:3])
        assert cache.get_many(TWO, keyed(answers)) == keyed(other)


def test_a_row_moved_to_another_model_is_damage(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers[:1])
    alter(path, "UPDATE answers SET fingerprint = ?", TWO)
    with AnswerCache.open(path) as cache:
        assert cache.get_many(TWO, keyed(answers)) == {}


def test_errors_are_never_kept(path, make_request, make_output):
    bad, events = make_output(make_request(0), error="boom"), []
    with AnswerCache.open(path, on_event=events.append) as cache:
        cache.put_many(ONE, [bad, make_output(make_request(1))])
        assert set(cache.get_many(ONE, [bad.request, make_request(1).sha256])) == {make_request(1).sha256}
    assert events == [], "it was not there, rather than there and damaged"


def test_the_first_answer_stays(path, make_request, make_output):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, [make_output(make_request(0), -1.0)])
        cache.put_many(ONE, [make_output(make_request(0), -2.0)])
        assert cache.get_many(ONE, [make_request(0).sha256]) == keyed([make_output(make_request(0), -1.0)])


@pytest.mark.parametrize(
    "damage", [b"{not json", b"\xff\xfe", b"{}", "text", 7], ids=["json", "utf8", "empty", "text", "number"]
)
def test_a_damaged_row_is_named_deleted_and_asked_again(path, answers, damage):
    events = []
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers[:3])
    alter(path, "UPDATE answers SET output = ? WHERE request = ?", damage, answers[1].request)
    with AnswerCache.open(path, on_event=events.append) as cache:
        assert cache.get_many(ONE, keyed(answers)) == keyed([answers[0], answers[2]])
        assert len(events) == 1
        assert answers[1].request[:12] in events[0].message
        assert cache.get_many(ONE, keyed(answers)) == keyed([answers[0], answers[2]])
        assert len(events) == 1, "the row is gone"
        cache.put_many(ONE, answers[:3])
        assert cache.get_many(ONE, keyed(answers)) == keyed(answers[:3])


def test_a_changed_score_is_damage(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers[:1])
    changed = canonical(answers[0].model_copy(update={"answer": FreeText(text="flattering")}))
    alter(path, "UPDATE answers SET output = ?", changed)
    with AnswerCache.open(path) as cache:
        assert cache.get_many(ONE, keyed(answers)) == {}


def test_answers_of_an_older_form_are_asked_again(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers[:1])
    alter(path, "UPDATE answers SET output = ?", b'{"text": "of another form"}')
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    events = []
    for _ in range(2):
        with AnswerCache.open(path, on_event=events.append) as cache:
            assert cache.get_many(ONE, keyed(answers)) == {}
    with AnswerCache.open(path, on_event=events.append) as cache:
        cache.put_many(ONE, answers[:1])
        assert cache.get_many(ONE, keyed(answers)) == keyed(answers[:1])
    assert not events


def test_mode_0600(path, answers):
    old = os.umask(0)
    try:
        with AnswerCache.open(path) as cache:
            cache.put_many(ONE, answers)
            files = list(path.parent.iterdir())
            assert {file.name for file in files} >= {"answers.sqlite", "answers.sqlite-wal"}
            assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    finally:
        os.umask(old)


def test_not_a_database(path, answers):
    path.parent.mkdir()
    path.write_bytes(b"this is no database, " * 100)
    events = []
    with AnswerCache.open(path, on_event=events.append) as cache:
        assert cache.usable
        cache.put_many(ONE, answers[:2])
        assert cache.get_many(ONE, keyed(answers)) == keyed(answers[:2])
    assert len(events) == 1
    assert "answers.sqlite.broken-1" in events[0].message
    assert path.with_name("answers.sqlite.broken-1").read_bytes().startswith(b"this is no database")


def test_pages_overwritten_while_open(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers)
    raw = bytearray(path.read_bytes())
    assert len(raw) > 3 * 4096
    raw[4096:] = b"\xaa" * (len(raw) - 4096)
    path.write_bytes(raw)
    events = []
    with AnswerCache.open(path, on_event=events.append) as cache:
        assert cache.get_many(ONE, keyed(answers)) == {}
        assert cache.usable
        cache.put_many(ONE, answers[:1])
        assert cache.get_many(ONE, keyed(answers)) == keyed(answers[:1])
    assert len(events) == 1
    assert "malformed" in events[0].message


def test_a_newer_cache_is_left_alone(path, answers):
    with AnswerCache.open(path) as cache:
        cache.put_many(ONE, answers[:1])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    events = []
    with AnswerCache.open(path, on_event=events.append) as cache:
        assert not cache.usable
        cache.put_many(ONE, answers)
        assert cache.get_many(ONE, keyed(answers)) == {}
    assert ["newer" in event.message for event in events] == [True]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM answers").fetchone() == (1,)
    connection.close()


def test_full_disk_is_told_once_and_the_run_goes_on(path, answers):
    """SQLite's own page limit gives the same error code (SQLITE_FULL) as a full disk."""
    events = []
    with AnswerCache.open(path, on_event=events.append) as cache:
        cache._connection.execute("PRAGMA max_page_count = 8")
        cache.put_many(ONE, answers)
        cache.put_many(ONE, answers)
        assert not cache.usable
        assert cache.get_many(ONE, keyed(answers)) == {}
    assert len(events) == 1
    assert "full" in events[0].message
    with AnswerCache.open(path) as cache:
        assert cache.get_many(ONE, keyed(answers)) == {}, "nothing half-written stays"


def test_a_place_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    events = []
    with AnswerCache.open(tmp_path / "file" / "answers.sqlite", on_event=events.append) as cache:
        assert not cache.usable
    assert len(events) == 1


def test_disabled_touches_nothing(path, answers):
    with AnswerCache.open(path, enabled=False) as cache:
        cache.put_many(ONE, answers)
        assert cache.get_many(ONE, keyed(answers)) == {}
    assert not path.parent.exists()


def test_two_processes(path):
    script = f"""
import pathlib, sys
from auditkit.schema import FreeText, Output, Request
from auditkit.store.cache import AnswerCache
events = []
with AnswerCache.open(pathlib.Path({str(path)!r}), on_event=events.append) as cache:
    for start in range(0, 200, 10):
        requests = [Request(kind="generate", rule="text", text=str(n)) for n in range(start, start + 10)]
        outputs = [
            Output(request=one.sha256, rule="text", answer=FreeText(text=sys.argv[1] + one.text)) for one in requests
        ]
        cache.put_many(sys.argv[1] * 64, outputs)
        found = cache.get_many(sys.argv[1] * 64, [one.sha256 for one in requests])
        assert found == {{one.request: one for one in outputs}}, found
assert not events, events
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, name], env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
        )
        for name in "ab"
    ]
    for child in children:
        _, error = child.communicate(timeout=60)
        assert child.returncode == 0, error.decode()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM answers").fetchone() == (400,)
    connection.close()
