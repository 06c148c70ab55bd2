"""A server's answers as one stream over all batches: lazily taken, sent as planned, journalled as they land."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import asynccontextmanager

import pytest

from auditkit.errors import StoppedError
from auditkit.models.endpoint.flight import Flight
from auditkit.run.executor import Batch, FlightExecutor, LocalExecutor, executor_for
from auditkit.run.plan import cost, make_plan
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import FreeText, Output
from auditkit.store.journal import Journal, read_journal


@asynccontextmanager
async def no_session():
    yield


@pytest.fixture
def server(fake):
    class Server(fake.FakeAdapter):
        """Answers with the text of the request; by word: `held` waits, `boom` fails, `stop` is the end, others err."""

        def __init__(self, concurrency=4):
            super().__init__(kind="api", tokens=False)
            self.cacheable = False
            self.concurrency = concurrency
            self.sent = []
            self.down = threading.Event()

        def stream(self, requests):
            return Flight(self.answer, no_session, self.concurrency).run(requests)

        async def answer(self, request):
            self.sent.append(request.text)
            while "held" in request.text and not self.down.is_set():
                await asyncio.sleep(0.001)
            if "boom" in request.text:
                raise ValueError("boom")
            if "stop" in request.text:
                raise StoppedError("spent")
            sha = "0" * 64 if "wrong" in request.text else request.sha256
            return Output(request=sha, rule="text", answer=FreeText(text=request.text), finish_reason="stop")

        def execute(self, batch):
            raise AssertionError("a server is asked by a stream")

    return Server


def batches(fake, *rows):
    return [Batch(number, tuple(fake.generate(text) for text in row)) for number, row in enumerate(rows)]


def test_who_is_asked_how(fake, server):
    assert isinstance(executor_for(server()), FlightExecutor)
    assert isinstance(executor_for(fake.FakeAdapter()), LocalExecutor)


def test_a_slow_answer_does_not_hold_up_the_batches_behind_it(fake, server):
    adapter = server(concurrency=2)
    rows = [["held"], *([f"{row} {at}" for at in range(3)] for row in range(20))]
    found = executor_for(adapter).run(batches(fake, *rows))
    before = list(itertools.islice(found, 60))
    assert [answer.batch for answer in before] == sorted(number for number in range(1, 21) for _ in range(3))
    adapter.down.set()
    (last,) = found
    assert (last.batch, last.output.text) == (0, "held")
    assert last.latency is not None
    assert last.latency > max(answer.latency or 0.0 for answer in before)


def test_only_the_culprit_is_errored(fake, server):
    texts = ["a", "boom", "b", "wrong", "c"]
    found = {a.output.request: a.output for a in executor_for(server()).run(batches(fake, texts[:2], texts[2:]))}
    errors = {text: found[fake.generate(text).sha256].error for text in texts}
    assert errors == {
        "a": None, "b": None, "c": None, "boom": "ValueError: boom",
        "wrong": "MeasurementError: the adapter answered another request",
    }


def test_what_the_stream_leaves_out_is_errored(fake, server):
    class Forgetful(server):
        def stream(self, requests):
            for landed in super().stream(requests):
                if landed.question.text != "b":
                    yield landed

    found = {a.output.request: a.output.error for a in executor_for(Forgetful()).run(batches(fake, "ab", "c"))}
    assert found[fake.generate("b").sha256] == "MeasurementError: the adapter gave no output"
    assert len(found) == 3


def test_batches_are_taken_as_they_can_be_sent(fake, server):
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield Batch(number, (fake.generate(f"{number} a"), fake.generate(f"{number} b")))

    found = executor_for(server(concurrency=3)).run(endless())
    for given, _ in enumerate(itertools.islice(found, 400), 1):
        assert len(taken) <= (given + 2 * 3) // 2 + 1
    found.close()


@pytest.mark.parametrize("concurrency", [1, 5])
def test_requests_are_sent_in_the_order_of_the_plan(fake, server, tmp_path, concurrency):
    stories = ["".join(f"{word} {which} " for word in range(20)) for which in range(7)]
    texts = [f"{stories[at % 7]}question {at}" for at in range(230)]
    asked = deduplicate((text, fake.generate(text)) for text in texts)
    adapter = server(concurrency)
    with Journal.open(tmp_path / "journal.jsonl", fake.HEADER) as journal:
        run_round(adapter, asked.requests, asked.askers, journal, None, batch_tokens=1)
    plan = make_plan(
        (cost(adapter.encode([request])[0], text=True) for request in asked.requests.values()), batch_tokens=1
    )
    assert len(plan) > 3
    assert adapter.sent == [asked.requests[sha].text for batch in plan.batches() for sha in batch]
    told = [text.partition("question")[0] for text in adapter.sent]
    assert len([story for story, _ in itertools.groupby(told)]) == 7, "questions on one story come together"


def test_what_has_landed_is_in_the_journal_while_another_request_is_in_the_air(fake, server, tmp_path):
    adapter, path = server(concurrency=2), tmp_path / "journal.jsonl"
    texts = ["held", *(str(at) for at in range(90))]
    asked = deduplicate((text, fake.generate(text)) for text in texts)
    seen = []

    def told(event):
        if event.done == 90:
            seen.append(len(read_journal(path).outputs))
            adapter.down.set()

    with Journal.open(path, fake.HEADER) as journal:
        found = run_round(adapter, asked.requests, asked.askers, journal, None, batch_tokens=1, on_event=told)
    assert seen == [90]
    assert len(found.outputs) == 91


def test_a_stop_and_a_resume_ask_everything_once_but_what_was_not_answered(fake, server, tmp_path):
    texts = ["held a", "stop", *(str(at) for at in range(150))]
    asked = deduplicate((text, fake.generate(text)) for text in texts)
    first, path = server(), tmp_path / "journal.jsonl"
    original = first.answer

    async def answer(request):
        if request.text == "stop":
            first.down.set()
        return await original(request)

    first.answer = answer
    with Journal.open(path, fake.HEADER) as journal, pytest.raises(StoppedError, match="spent"):
        run_round(first, asked.requests, asked.askers, journal, None, batch_tokens=1)
    kept = {asked.requests[sha].text for sha in read_journal(path).outputs}
    assert kept == set(first.sent) - {"stop"}, "all that was in the air has landed"
    second = server()
    second.down.set()
    with Journal.open(path, fake.HEADER) as journal, pytest.raises(StoppedError):
        run_round(second, asked.requests, asked.askers, journal, None, batch_tokens=1)
    assert not kept & set(second.sent)
