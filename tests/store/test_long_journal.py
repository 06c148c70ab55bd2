"""A journal with more lines than are held in memory says the same as one that is held whole."""

from __future__ import annotations

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
