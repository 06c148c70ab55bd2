"""Workers that die, hang or are slow: every answer comes once, and only the culprit is errored."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager

import pytest

from auditkit.errors import ModelError, StoppedError
from auditkit.run.dispatch import PoolExecutor, WorkerLost
from auditkit.run.executor import Batch, LocalExecutor


class FakePool:
    """Workers in this process; time is what batches cost, and each worker does one after another.

    A text with `die` kills its worker, `dieonce` the first one only; `hang` never ends.
    """

    def __init__(self, fake, size, cost=lambda text: 1.0):
        self.size = size
        self.now = 0.0
        self.fake = fake
        self.cost = cost
        self.queues = [deque() for _ in range(size)]
        self.free = [0.0] * size
        self.done = {}
        self.replaced = []
        self.asked = []
        self.seen = set()
        self.deepest = 0
        self.closed = False

    def submit(self, worker, batch):
        handle = object()
        texts = [request.text for request in batch.requests]
        begin = max(self.now, self.free[worker])
        dead = any("die" in text and ("once" not in text or text not in self.seen) for text in texts)
        self.seen.update(texts)
        hangs = any("hang" in text for text in texts)
        end = float("inf") if hangs else begin + sum(self.cost(text) for text in texts)
        if self.queues[worker] and self.queues[worker][-1][1] == "dead":
            dead, end = True, self.free[worker]
        self.free[worker] = end
        self.queues[worker].append((handle, "dead" if dead else "well", end, batch))
        self.asked.append((worker, texts))
        self.deepest = max(self.deepest, sum(end > self.now for _, _, end, _ in self.queues[worker]))
        return handle

    def entry(self, handle):
        return next(each for queue in self.queues for each in queue if each[0] is handle)

    def wait(self, handles, timeout):
        entries = sorted((self.entry(handle) for handle in handles), key=lambda each: each[2])
        if entries[0][2] <= self.now + timeout:
            self.now = max(self.now, entries[0][2])
            return entries[0][0]
        self.now += timeout
        return None

    def result(self, handle):
        _, state, _, batch = self.entry(handle)
        if state == "dead":
            raise WorkerLost("it died")
        return list(LocalExecutor(self.fake.FakeAdapter()).run([batch]))

    def replace(self, worker):
        self.replaced.append(worker)
        self.queues[worker].clear()
        self.free[worker] = self.now


def run(fake, monkeypatch, texts, size=2, each=2, deadline=100.0, pool=None):
    """Answers and the pool, on a clock that jumps."""
    pool = pool or FakePool(fake, size)
    monkeypatch.setattr(time, "monotonic", lambda: pool.now)
    requests = [fake.choose(text) for text in texts]
    batches = [Batch(at, tuple(requests[at : at + each])) for at in range(0, len(requests), each)]

    @contextmanager
    def open_pool():
        yield pool
        pool.closed = True

    answers = list(PoolExecutor(open_pool, deadline=deadline).run(iter(batches)))
    assert sorted(answer.output.request for answer in answers) == sorted(request.sha256 for request in requests)
    number = {request.sha256: batch.number for batch in batches for request in batch.requests}
    assert all(answer.batch == number[answer.output.request] for answer in answers)
    names = {request.sha256: request.text for request in requests}
    assert pool.closed
    return {names[answer.output.request]: answer.output for answer in answers}, pool


def test_all_well(fake, monkeypatch):
    found, pool = run(fake, monkeypatch, [f"t{n}" for n in range(40)], size=3)
    assert all(output.error is None for output in found.values())
    assert {worker for worker, _ in pool.asked} == {0, 1, 2}
    assert pool.replaced == []
    assert pool.deepest == 2, "one in hand, one waiting"


def test_nothing_to_do_starts_nothing():
    def never():
        raise AssertionError("started")

    assert list(PoolExecutor(never, deadline=1.0).run(iter([]))) == []


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_worker_that_dies_once_costs_no_answer(fake, monkeypatch, size):
    texts = [f"t{n}" for n in range(20)]
    texts[7] = "dieonce"
    found, pool = run(fake, monkeypatch, texts, size=size)
    assert all(output.error is None for output in found.values())
    assert len(pool.replaced) == 1
    first, second = [worker for worker, asked in pool.asked if "dieonce" in asked]
    assert size == 1 or first != second, "another worker tries"
    assert [asked for _, asked in pool.asked if "dieonce" in asked] == [["t6", "dieonce"]] * 2, "the batch stays whole"


@pytest.mark.parametrize("size", [1, 3])
def test_only_the_culprit_is_errored(fake, monkeypatch, size):
    texts = [f"t{n}" for n in range(12)]
    texts[5] = "die"
    found, pool = run(fake, monkeypatch, texts, size=size, each=4)
    assert {text for text, output in found.items() if output.error} == {"die"}
    assert found["die"].error == "MeasurementError: the worker died whenever it was asked"
    assert len(pool.replaced) == 3, "twice with its batch, once alone"


def test_a_worker_that_hangs_is_replaced_and_its_batch_asked_once_more(fake, monkeypatch):
    texts = [f"t{n}" for n in range(12)]
    texts[0] = "hang"
    found, pool = run(fake, monkeypatch, texts, each=1, deadline=50.0)
    assert {text for text, output in found.items() if output.error} == {"hang"}
    assert found["hang"].error == "MeasurementError: no answer within 50 s, whenever it was asked"
    assert sum(asked == ["hang"] for _, asked in pool.asked) == 2
    assert len(pool.replaced) == 2


def test_a_slow_worker_does_not_hold_up_the_others(fake, monkeypatch):
    """One batch takes as long as 30 others: they all go to the other worker, but for the one that waited behind it."""
    texts = ["slow", *(f"t{n}" for n in range(30))]
    pool = FakePool(fake, 2, cost=lambda text: 30.0 if text == "slow" else 1.0)
    _, pool = run(fake, monkeypatch, texts, each=1, deadline=1000.0, pool=pool)
    assert pool.now <= 31.0
    assert sum(worker == next(w for w, asked in pool.asked if asked == ["slow"]) for worker, _ in pool.asked) <= 3


def test_at_the_end_nobody_keeps_a_batch_waiting(fake, monkeypatch):
    _, pool = run(fake, monkeypatch, ["a", "b"], each=1)
    assert {worker for worker, _ in pool.asked} == {0, 1}


def test_workers_that_all_die_stop_the_run(fake, monkeypatch):
    with pytest.raises(StoppedError, match=r"11 workers .*it died.* is kept: give the same command again"):
        run(fake, monkeypatch, [f"die{n}" for n in range(60)], each=20)


def test_what_no_worker_can_mend_ends_the_run(fake, monkeypatch):
    pool = FakePool(fake, 2)

    def refuse(_handle):
        raise ModelError("a worker opened another model")

    pool.result = refuse
    with pytest.raises(ModelError, match="another model"):
        run(fake, monkeypatch, ["a", "b"], pool=pool)
