"""A round: duplicates, cache, journal, resume."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from auditkit.errors import MeasurementError
from auditkit.run.runner import Round, UniqueRequests, deduplicate, rounds, run_round
from auditkit.schema import OptionScores
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal, read_journal

ROOT = Path(__file__).resolve().parents[2]
ERRORED = 3


@pytest.fixture
def undisturbed(fake, tmp_path):
    """Outputs of a run that nothing disturbs."""
    return fake.audit(tmp_path / "undisturbed", fake.FakeAdapter()).outputs


def kinds(folder):
    return [json.loads(raw)["kind"] for raw in (folder / "journal.jsonl").read_bytes().splitlines()]


def test_a_round(fake, tmp_path, undisturbed):
    events, adapter = [], fake.FakeAdapter()
    asked = fake.questions()
    found = fake.audit(tmp_path, adapter, on_event=events.append)
    assert len(asked.requests) == 40
    assert sum(len(ids) for ids in asked.askers.values()) == 41
    assert found.outputs == undisturbed
    assert set(found.outputs) == set(asked.requests)
    assert (found.requests, found.cache_hits, found.errored) == (40, 0, ERRORED)
    assert found.tokens == sum(output.prompt_tokens for output in found.outputs.values()) > 0
    texts = [text for batch in adapter.batches for text in batch]
    assert len([text for text in texts if "boom" not in text]) >= 37
    records = read_journal(tmp_path / "journal.jsonl")
    assert records.outputs == found.outputs
    assert records.requests == asked.requests
    assert records.askers == asked.askers
    order = kinds(tmp_path)
    assert order[:41] == ["header"] + ["request"] * 40
    assert order[41:43] == ["output", "plan"], "what cannot be encoded is errored before the plan"
    assert {event.stage for event in events} == {"run"}
    assert [(event.done, event.total) for event in (events[0], events[-1])] == [(0, 40), (40, 40)]
    assert "requests/s" in events[-1].message
    assert "tokens/s" in events[-1].message
    done = [event.done for event in events]
    assert done == sorted(done)


def test_two_samples_of_one_request_are_asked_once(fake, tmp_path):
    asked = fake.questions()
    shared = [ids for ids in asked.askers.values() if len(ids) > 1]
    assert shared == [("pack/3", "pack/again")]


def test_draws_are_not_duplicates(fake):
    one = fake.choose("a")
    again = one.model_copy(update={"draw": 1})
    assert len(deduplicate([("s", one), ("s", again), ("s", one)]).requests) == 2


def test_the_whole_round_from_the_cache(fake, tmp_path, undisturbed):
    first, second = fake.FakeAdapter(), fake.FakeAdapter()
    fake.audit(tmp_path, first)
    (tmp_path / "journal.jsonl").unlink()
    found = fake.audit(tmp_path, second)
    assert found.outputs == undisturbed
    assert found.cache_hits == 40 - ERRORED
    assert {text for batch in second.batches for text in batch} == {"boom", "boom 2"}, "errors are asked again"
    records = read_journal(tmp_path / "journal.jsonl")
    assert records.cached == 40 - ERRORED
    assert records.seconds < 1


def test_another_model_does_not_get_the_first_ones_answers(fake, tmp_path, undisturbed):
    fake.audit(tmp_path, fake.FakeAdapter())
    (tmp_path / "journal.jsonl").unlink()
    other = fake.audit(tmp_path, fake.FakeAdapter(fingerprint="2" * 64))
    assert other.cache_hits == 0
    assert all(
        other.outputs[sha].answer != output.answer for sha, output in undisturbed.items() if output.error is None
    )


def test_an_adapter_that_must_not_be_cached(fake, tmp_path):
    for _ in range(2):
        adapter = fake.FakeAdapter()
        adapter.cacheable = False
        assert fake.audit(tmp_path, adapter).cache_hits == 0
        (tmp_path / "journal.jsonl").unlink()


@pytest.mark.parametrize("tokens", [1, 8, 60, 10_000])
def test_the_batch_size_changes_nothing_beyond_float_tolerance(fake, tmp_path, undisturbed, tokens):
    found = fake.audit(tmp_path, fake.FakeAdapter(), batch_tokens=tokens)
    for sha, output in undisturbed.items():
        assert found.outputs[sha].error == output.error
        if output.answer:
            assert found.outputs[sha].answer.options[0].sum == pytest.approx(output.answer.options[0].sum, abs=1e-9)


def test_without_a_tokenizer(fake, tmp_path):
    adapter = fake.FakeAdapter(tokens=False)
    assert len(fake.audit(tmp_path, adapter).outputs) == 40
    assert max(len(batch) for batch in adapter.batches) == 38


@pytest.mark.parametrize("shares", [True, False])
def test_a_model_that_shares_beginnings_gets_them_together(fake, tmp_path, shares):
    asked = deduplicate((f"{n}", fake.choose("abc"[n % 3] * 12 + "x" * (n * 7 % 11))) for n in range(30))
    adapter = fake.FakeAdapter()
    adapter.shares_beginnings = shares
    with Journal.open(tmp_path / "journal.jsonl", fake.HEADER) as journal:
        found = run_round(adapter, asked.requests, asked.askers, journal, None, batch_tokens=80)
    assert found.errored == 0
    beginnings = [text[0] for batch in adapter.batches for text in batch]
    changes = sum(one != other for one, other in pairwise(beginnings))
    assert changes == 2 if shares else changes > 10, "by length, they are mixed"


def test_a_finished_round_is_not_asked_again(fake, tmp_path, undisturbed):
    fake.audit(tmp_path, fake.FakeAdapter())
    before = (tmp_path / "journal.jsonl").read_bytes()
    adapter = fake.FakeAdapter()
    adapter.encode = None
    found = fake.audit(tmp_path, adapter)
    assert found.outputs == undisturbed, "errored ones count as answered"
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_only_retry_errors_asks_errors_again(fake, tmp_path, undisturbed):
    fake.audit(tmp_path, fake.FakeAdapter())
    healed = fake.FakeAdapter()
    healed.execute = lambda batch: (
        output.model_copy(update={"error": None, "answer": OptionScores(options=())})
        for output in (undisturbed[item.request.sha256] for item in batch)
    )
    found = fake.audit(tmp_path, healed, retry_errors=True)
    assert found.errored == 1, "what cannot be encoded still cannot"
    records = read_journal(tmp_path / "journal.jsonl")
    assert records.outputs == found.outputs
    changed = {sha for sha, output in found.outputs.items() if output != undisturbed[sha]}
    assert {records.requests[sha].text for sha in changed} == {"boom", "boom 2"}
    events = []
    assert fake.audit(tmp_path, fake.FakeAdapter(), on_event=events.append).outputs == found.outputs
    assert len(events) == 1, "the second try is no other plan of the round"


def child(folder, point, count):
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fake.py")), str(folder), point, str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )


POINTS = [
    ("write", 1), ("write", 2), ("write", 3), ("write", 4), ("fsync", 3),
    *((point, random.Random(seed).randint(5, 16)) for seed, point in enumerate(["write", "fsync", "execute", "write"])),
]


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_killed_and_resumed_is_undisturbed(fake, tmp_path, undisturbed, point, count):
    """SIGKILL, then resume: the same outputs to the last bit, though each depends on who shared its batch."""
    killed = child(tmp_path, point, count)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    events = []
    found = fake.audit(tmp_path, fake.FakeAdapter(), on_event=events.append)
    assert found.outputs == undisturbed
    assert read_journal(tmp_path / "journal.jsonl").outputs == undisturbed
    assert not [event for event in events if "in another way than before" in event.message]


def test_killed_again_and_again(fake, tmp_path, undisturbed):
    """Each life gets a few writes further."""
    for _ in range(3):
        assert child(tmp_path, "write", 6).returncode == -signal.SIGKILL
    adapter = fake.FakeAdapter()
    assert fake.audit(tmp_path, adapter).outputs == undisturbed
    whole = fake.FakeAdapter()
    fake.audit(tmp_path / "whole", whole)
    assert len(adapter.batches) < len(whole.batches), "what was answered before is not asked again"


@pytest.mark.parametrize("place", [10, 41, 42, 45, 60])
def test_a_damaged_journal_goes_on_with_answers_from_the_cache(fake, tmp_path, undisturbed, place):
    fake.audit(tmp_path, fake.FakeAdapter())
    path = tmp_path / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[place] = lines[place].replace(b'"v":2', b'"v":7')
    path.write_bytes(b"\n".join(lines))
    adapter, events = fake.FakeAdapter(), []
    found = fake.audit(tmp_path, adapter, on_event=events.append)
    assert f"journal.jsonl:{place + 1}:" in events[0].message
    assert {sha: output.error for sha, output in found.outputs.items()} == {
        sha: output.error for sha, output in undisturbed.items()
    }
    assert found.cache_hits > 0
    for sha, output in undisturbed.items():
        if output.answer:
            assert found.outputs[sha].answer.options[0].sum == pytest.approx(output.answer.options[0].sum, abs=1e-9)
    asked = {text for batch in adapter.batches for text in batch}
    assert len(asked) < 10, "only errors, and those who share their batch, are asked again"
    assert read_journal(path).outputs == found.outputs


def test_another_budget_is_said_and_goes_on(fake, tmp_path):
    assert child(tmp_path, "write", 8).returncode == -signal.SIGKILL
    events = []
    found = fake.audit(tmp_path, fake.FakeAdapter(), batch_tokens=200, on_event=events.append)
    assert len(found.outputs) == 40
    told = [event.message for event in events if "in another way than before" in event.message]
    assert len(told) == 1
    assert "round 0" in told[0]


def test_the_round_is_what_was_open_when_it_was_first_planned(fake, tmp_path):
    """Another plan was journalled in between: the next resume still makes that plan, of the same requests."""
    assert child(tmp_path, "write", 8).returncode == -signal.SIGKILL
    assert 0 < len(read_journal(tmp_path / "journal.jsonl", strict=False).outputs) < 30
    adapter = fake.FakeAdapter()
    execute, left = adapter.execute, 3

    def interrupted(batch):
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return execute(batch)

    adapter.execute = interrupted
    with pytest.raises(KeyboardInterrupt):
        fake.audit(tmp_path, adapter, batch_tokens=200)
    events = []
    assert len(fake.audit(tmp_path, fake.FakeAdapter(), batch_tokens=200, on_event=events.append).outputs) == 40
    assert not [event for event in events if "in another way than before" in event.message]


def test_an_interrupt_journals_what_is_done(fake, tmp_path):
    """The answers before the interrupt, in its own batch too, are kept; nothing after it is asked."""
    asked = deduplicate((text, fake.choose(text)) for text in ("interrupt 1", *"abcdefgh"))
    adapter, path = fake.FakeAdapter(), tmp_path / "journal.jsonl"
    adapter.encode = lambda requests: [fake.Encoded(request) for request in requests]  # one batch, by hash
    with Journal.open(path, fake.HEADER) as journal, pytest.raises(KeyboardInterrupt):
        run_round(adapter, asked.requests, asked.askers, journal, None, batch_tokens=1)
    batch = [asked.requests[sha].text for sha in sorted(asked.requests)]
    assert adapter.batches == [batch]
    before = batch[: batch.index("interrupt 1")]
    assert 0 < len(before) < 8
    records = read_journal(path)
    assert {records.requests[sha].text for sha in records.outputs} == set(before)


def test_an_interrupt_after_writing_journals_nothing_twice(fake, tmp_path):
    asked = deduplicate((text, fake.choose(text)) for text in "abcdefgh")
    path = tmp_path / "journal.jsonl"

    def interrupting(event):
        if event.done:
            raise KeyboardInterrupt

    with Journal.open(path, fake.HEADER) as journal, pytest.raises(KeyboardInterrupt):
        run_round(
            fake.FakeAdapter(), asked.requests, asked.askers, journal, None, batch_tokens=200, on_event=interrupting
        )
    kinds = [json.loads(line)["kind"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert kinds.count("output") == len(read_journal(path).outputs) > 0


def test_a_full_disk_stops_the_round_and_it_resumes(fake, tmp_path, undisturbed, monkeypatch):
    original, left = os.write, 7

    def failing(descriptor, data):
        nonlocal left
        left -= 1
        if left <= 0:
            raise OSError(28, "No space left on device")
        return original(descriptor, data)

    monkeypatch.setattr(os, "write", failing)
    with pytest.raises(MeasurementError, match="full"):
        fake.audit(tmp_path, fake.FakeAdapter())
    monkeypatch.undo()
    assert fake.audit(tmp_path, fake.FakeAdapter()).outputs == undisturbed


def test_answers_with_a_price_are_journalled_singly(fake, tmp_path):
    class Paid(fake.FakeAdapter):
        def execute(self, batch):
            for output in super().execute(batch):
                yield output
                if len(self.asked) == 5:
                    raise KeyboardInterrupt
                self.asked.append(output.request)

    adapter = Paid(kind="api", tokens=False)
    adapter.asked = []
    with pytest.raises(KeyboardInterrupt):
        fake.audit(tmp_path, adapter)
    assert len(read_journal(tmp_path / "journal.jsonl").outputs) == 5 + 1 + 1, "five, one unencodable, one in flight"
    second = fake.FakeAdapter(kind="api", tokens=False)
    fake.audit(tmp_path, second)
    assert not set(second.batches[0]) & {
        fake.questions().requests[sha].text for sha in adapter.asked
    }, "what was paid for is not asked again"


def test_a_request_under_another_hash(fake, tmp_path):
    journal, requests = Journal.open(tmp_path / "journal.jsonl", fake.HEADER), {"0" * 64: fake.choose("a")}
    with journal, pytest.raises(MeasurementError, match="another hash"):
        run_round(fake.FakeAdapter(), requests, {}, journal, None, batch_tokens=9)


def test_an_executor_that_loses_answers(fake, tmp_path):
    class Losing:
        def run(self, batches):
            yield from ()

    with pytest.raises(MeasurementError, match="lost the answers to 39 requests"):
        fake.audit(tmp_path, fake.FakeAdapter(), executor=Losing())


def test_rounds_end_when_nothing_new_is_asked(fake, tmp_path):
    """Each answer brings a follow-up, twice; the third time the same is asked again."""
    path, numbers = tmp_path / "journal.jsonl", []

    def plan(outputs):
        turns = min(len(outputs), 2)
        return deduplicate((f"s{turn}", fake.choose(f"turn {turn}")) for turn in range(turns + 1))

    def audit():
        numbers.clear()
        adapter = fake.FakeAdapter()
        with Journal.open(path, fake.HEADER) as journal, AnswerCache.open(tmp_path / "c.sqlite") as cache:

            def run(asked: UniqueRequests, number: int) -> Round:
                numbers.append(number)
                return run_round(
                    adapter, asked.requests, asked.askers, journal, cache, batch_tokens=99, number=number
                )

            return rounds(plan, run), adapter

    found, adapter = audit()
    assert numbers == [0, 1, 2]
    assert adapter.batches == [["turn 0"], ["turn 1"], ["turn 2"]]
    assert (found.requests, found.errored, found.cache_hits) == (3, 0, 0)
    records = read_journal(path)
    assert [(line.plan.round, line.plan.retry) for line in records.plans] == [(0, False), (1, False), (2, False)]
    before = path.read_bytes()
    again, silent = audit()
    assert again.outputs == found.outputs
    assert silent.batches == []
    assert path.read_bytes() == before


def test_progress_tells_packs_rates_and_the_time_left(fake, tmp_path):
    asked = deduplicate((f"{'one' if n % 3 else 'two'}/{n}", fake.choose(f"question {n}")) for n in range(30))
    events = []
    with Journal.open(tmp_path / "journal.jsonl", fake.HEADER) as journal:
        run_round(
            fake.FakeAdapter(), asked.requests, asked.askers, journal, None, batch_tokens=90, on_event=events.append
        )
    assert [(part.name, part.done, part.total) for part in events[0].parts] == [("one", 0, 20), ("two", 0, 10)]
    assert [(part.name, part.done, part.total) for part in events[-1].parts] == [("one", 20, 20), ("two", 10, 10)]
    assert all(sum(part.done for part in event.parts) == event.done for event in events)
    assert events[0].left is None, "no rate yet"
    assert events[-1].left == 0
    assert all(event.left > 0 for event in events[1:-1])
