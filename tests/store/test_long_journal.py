"""A journal with more lines than are held in memory says the same as one that is held whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditkit.schema import Request
from auditkit.store import index as indexing
from auditkit.store import records as held
from auditkit.store.index import Index
from auditkit.store.journal import Journal, read_journal
from auditkit.store.lines import output_entry, plan_entry, request_entry

ASKED = [Request(kind="choose", rule="loglikelihood", text=f"{number}") for number in range(30)]


def facts(records):
    """All that a journal says of requests and answers, as plain containers."""
    return (
        dict(records.requests), dict(records.askers), dict(records.outputs), set(records.from_cache),
        dict(records.first_answer), records.cached, records.seconds, len(records.requests), len(records.outputs),
        [records.answered_before(0, request.sha256) for request in ASKED],
        [list(mapping) for mapping in (records.requests, records.outputs)],
    )


def write(path, make_output, answers):
    """Requests, some asked by several samples; a plan in the middle of the answers; some answered twice."""
    with Journal.open(path, {"a": 1}) as journal:
        for number, request in enumerate(ASKED):
            journal.append([request_entry(request, (f"pack/{number}",))])
        journal.append([request_entry(ASKED[25], ("pack/again",)), request_entry(ASKED[2], ("pack/more", "pack/2"))])
        for at, (which, cached) in enumerate(answers):
            output = make_output(ASKED[which]).model_copy(update={"prompt_tokens": at})
            journal.append([output_entry(output, seconds=0.5, cached=cached)])
            if at == len(answers) // 2:
                journal.append([plan_entry("c" * 64, number=0, batches=1, requests=3)])
        return facts(journal.records)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 29), st.booleans()), max_size=40), st.integers(0, 40))
def test_it_says_the_same(tmp_path_factory, make_output, answers, most):
    folder = tmp_path_factory.mktemp("long")
    whole = write(folder / "whole.jsonl", make_output, answers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "HELD", most)
        assert write(folder / "long.jsonl", make_output, answers) == whole
        assert (folder / "long.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
        assert facts(read_journal(folder / "long.jsonl")) == whole
    assert facts(read_journal(folder / "long.jsonl")) == whole


def test_what_it_said_stays_when_lines_are_added(path, make_output, monkeypatch):
    monkeypatch.setattr(held, "HELD", 3)
    with Journal.open(path, {"a": 1}) as journal:
        journal.append([request_entry(request, ("pack/1",)) for request in ASKED])
        journal.append([output_entry(make_output(request), seconds=0, cached=True) for request in ASKED[:20]])
        before = journal.records
        told = facts(before)
        other = [make_output(request).model_copy(update={"prompt_tokens": 7}) for request in ASKED]
        journal.append([output_entry(output, seconds=0, cached=False) for output in other])
        assert facts(before) == told
        after = journal.records
    assert {output.prompt_tokens for output in after.outputs.values()} == {7}
    assert not after.from_cache
    path.unlink()
    assert facts(before) == told, "the file stays open"
    with pytest.raises(KeyError):
        before.outputs["0" * 64]


def test_an_index_of_many_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "_CHUNK", 10)
    index = Index(tmp_path)
    names = [f"{number:064x}" for number in range(297)] + ["", "ab", "AB"]
    for number in range(1000):
        index.add(names[number % 300], 7 * number, 2 * number)
        assert list(tmp_path.iterdir()) == [], "the file has no name"
    frozen = index.frozen()
    index.add("later", 7000, 2000)
    assert frozen.distinct == 300
    assert frozen.find(names[7]) == [(7 * at, 2 * at) for at in (7, 307, 607, 907)]
    assert frozen.find("ab") == [(7 * at, 2 * at) for at in (298, 598, 898)]
    assert frozen.find("absent") == frozen.find("later") == []
    assert list(frozen.keys()) == names
    assert list(index.frozen().keys()) == [*names, "later"]


def test_rows_that_are_added_while_others_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "_CHUNK", 3)
    index = Index(tmp_path)
    for number in range(20):
        index.add(f"{number}", number, 0)
    found = []
    for at, key in enumerate(index.frozen().keys()):
        found.append(key)
        index.add(f"new {at}", 20 + at, 0)
    assert found == [f"{number}" for number in range(20)]
    assert index.frozen().distinct == 40


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "COMMIT"])
def test_an_interrupt_while_rows_are_written(tmp_path, monkeypatch, statement):
    class Interrupted:
        """A connection that is interrupted once, right behind a statement."""

        def __init__(self, connection):
            self.connection, self.left = connection, 1

        def __getattr__(self, name):
            return getattr(self.connection, name)

        def execute(self, sql, *values):
            found = self.connection.execute(sql, *values)
            self.interrupt(sql)
            return found

        def executemany(self, sql, rows):
            self.connection.executemany(sql, rows)
            self.interrupt(sql)

        def interrupt(self, sql):
            if sql.startswith(statement) and self.left:
                self.left = 0
                raise KeyboardInterrupt

    connect = indexing._connect
    monkeypatch.setattr(indexing, "_CHUNK", 2)
    monkeypatch.setattr(indexing, "_connect", lambda folder: Interrupted(connect(folder)))
    index = Index(tmp_path)
    index.add("a", 0, 0)
    with pytest.raises(KeyboardInterrupt):
        index.add("b", 1, 2)
    index.add("a", 2, 4)
    assert index.frozen().find("a") == [(0, 0), (2, 4)]
    assert index.frozen().find("b") == [(1, 2)]
    assert index.frozen().distinct == 2


def test_where_the_folder_cannot_be_written_it_lies_in_the_systems(tmp_path):
    index = Index(tmp_path / "absent")
    index.add("a", 0, 0)
    assert index.frozen().find("a") == [(0, 0)]


def child(script, folder):
    """What a process prints: how many MiB its peak grew in the second part of its work."""
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    return float(found.stdout)


PEAK = """
import resource, sys
from pathlib import Path
from auditkit.store import index, numbers, records
index._CACHE_KIB, numbers._CHUNK, records.HELD = 1024, 1000, 500
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
"""


def test_memory_does_not_grow_with_the_index(tmp_path):
    """170,000 rows more: 32 bytes a row, held, would be 5 MiB, and sorted in memory several times as much."""
    script = PEAK + """
import hashlib
lines = index.Index(Path(sys.argv[1]))
for number in range(200_000):
    lines.add(hashlib.sha256(b"%d" % number).hexdigest(), number, 0)
    if number == 30_000:
        before = peak()
frozen = lines.frozen()
assert frozen.distinct == 200_000
print(peak() - before)
"""
    assert child(script, tmp_path) < 4


def test_memory_does_not_grow_with_the_journal(tmp_path):
    """6,000 requests and answers more, which take 20 MiB where they are held."""
    script = PEAK + """
from auditkit.schema import Option, OptionScore, OptionScores, Output, Request
from auditkit.store.journal import Journal
from auditkit.store.lines import output_entry, request_entry
options = tuple(Option(text=f" {each}") for each in range(3))
def answer(request):
    value = -int(request.text.split()[0])
    scores = tuple(OptionScore(sum=value, tokens=4, bytes=9, logprobs=(value, value / 3, each, 0)) for each in range(3))
    return Output(request=request.sha256, rule=request.rule, answer=OptionScores(options=scores))
with Journal.open(Path(sys.argv[1]) / "journal.jsonl", {"a": 1}) as journal:
    for start in range(0, 8_000, 100):
        requests = [
            Request(kind="choose", rule="loglikelihood", text=f"{number} " + "context " * 25, options=options)
            for number in range(start, start + 100)
        ]
        journal.append([request_entry(request, (f"pack/{request.text[:5]}",)) for request in requests])
        journal.append([output_entry(answer(request), seconds=0.1, cached=False) for request in requests])
        if start == 1_900:
            before = peak()
    assert len(journal.records.outputs) == 8_000
print(peak() - before)
"""
    assert child(script, tmp_path) < 8
