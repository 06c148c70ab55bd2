"""Batches to workers that may die, hang or be slow: no answer is lost, and only the culprit is errored.

Each worker has one batch in hand and one waiting, so the batches still to come go to whoever is free.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from auditkit.errors import MeasurementError, StoppedError
from auditkit.run.executor import Batch, TimedOutput, errored

TRIES = 2
"""How often a batch is asked as a whole; then its requests are asked alone, once each."""

START = 1800.0
"""Seconds that a worker may take to open its model, beside the deadline of its first batch."""

_DEPTH = 2
"""Batches that a worker has at once, so that it does not wait between two."""

_DIED = "the worker died whenever it was asked"


class WorkerLost(Exception):
    """A worker died, or was given up."""


class Pool(Protocol):
    """Workers that hold the model; each answers its batches one after another."""

    @property
    def size(self) -> int:
        """How many workers."""

    def submit(self, worker: int, batch: Batch) -> Hashable:
        """Give a batch to a worker; the handle stands for its answers."""

    def wait(self, handles: Sequence[Hashable], timeout: float) -> Hashable | None:
        """The first handle whose answers, or whose worker's death, are known; `None` after `timeout` seconds."""

    def result(self, handle: Hashable) -> list[TimedOutput]:
        """The answers.

        Raises:
            WorkerLost: the worker died before it had answered.
            AuditkitError: the worker cannot answer at all.
        """

    def replace(self, worker: int) -> None:
        """Kill a worker, if it lives, and start another in its place."""


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch without answers so far."""

    batch: Batch
    tries: int = 0
    """How often a worker was lost over it."""
    avoid: int | None = None
    """The worker that was lost over it: another one shall try."""


class PoolExecutor:
    """Answers batches with a pool of workers."""

    def __init__(self, open_pool: Callable[[], AbstractContextManager[Pool]], *, deadline: float) -> None:
        """Nothing is started before there is a batch.

        Args:
            open_pool: starts the workers, and stops them at the end.
            deadline: seconds for one batch; then its worker is given up, and the batch asked again.
        """
        self._open_pool = open_pool
        self._deadline = deadline

    def run(self, batches: Iterable[Batch]) -> Iterator[TimedOutput]:
        """See `Executor.run`."""
        source = iter(batches)
        first = next(source, None)
        if first is None:
            return
        with self._open_pool() as pool:
            yield from _Dispatcher(pool, chain([first], source), self._deadline).run()


@dataclass(slots=True)
class _Dispatcher:
    pool: Pool
    source: Iterator[Batch]
    deadline: float
    ahead: deque[PendingBatch] = field(default_factory=deque)
    """Read from the source, not yet with a worker: as many as there are workers."""
    again: deque[PendingBatch] = field(default_factory=deque)
    """What was lost with a worker."""
    in_flight: dict[Hashable, PendingBatch] = field(default_factory=dict)
    queues: list[deque[Hashable]] = field(init=False)
    """What each worker has, the batch in hand first."""
    since: list[float] = field(init=False)
    """When each worker began the batch in hand."""
    warm: set[int] = field(default_factory=set)
    """Workers that have answered: their model is open."""
    exhausted: bool = False
    losses: int = 0
    """Workers lost since the last answer."""

    def __post_init__(self) -> None:
        self.queues = [deque() for _ in range(self.pool.size)]
        self.since = [0.0] * self.pool.size

    def run(self) -> Iterator[TimedOutput]:
        """Hand batches out until none is left; answers as they come."""
        while self._fill():
            handle = self.pool.wait(list(self.in_flight), max(0.0, min(self._left(), 60.0)))
            if handle is not None:
                yield from self._collect(next(worker for worker, queue in enumerate(self.queues) if handle in queue))
            for worker, queue in enumerate(self.queues):
                if queue and time.monotonic() >= self._due(worker):
                    yield from self._lose(worker, f"no answer within {self.deadline:g} s, whenever it was asked")

    def _due(self, worker: int) -> float:
        return self.since[worker] + self.deadline + (0.0 if worker in self.warm else START)

    def _left(self) -> float:
        """Seconds until the first deadline."""
        return min(self._due(worker) for worker, queue in enumerate(self.queues) if queue) - time.monotonic()

    def _fill(self) -> bool:
        """Give every worker something to do; whether anything is in flight."""
        self._read_ahead()
        # At the end no batch waits with one worker while another is idle.
        for depth in range(1, 2 if self.exhausted else _DEPTH + 1):
            for worker, queue in enumerate(self.queues):
                if len(queue) < depth and (pending := self._next(worker)) is not None:
                    if not queue:
                        self.since[worker] = time.monotonic()
                    handle = self.pool.submit(worker, pending.batch)
                    queue.append(handle)
                    self.in_flight[handle] = pending
        return bool(self.in_flight)

    def _read_ahead(self) -> None:
        while not self.exhausted and len(self.ahead) < self.pool.size:
            batch = next(self.source, None)
            if batch is None:
                self.exhausted = True
            else:
                self.ahead.append(PendingBatch(batch))

    def _next(self, worker: int) -> PendingBatch | None:
        for pending in self.again:
            if pending.avoid != worker or self.pool.size == 1:
                self.again.remove(pending)
                return pending
        return self.ahead.popleft() if self.ahead else None

    def _collect(self, worker: int) -> Iterator[TimedOutput]:
        """Yield what a worker has answered; where it died, what it had in hand is asked again."""
        queue = self.queues[worker]
        while queue and self.pool.wait([queue[0]], 0.0) is not None:
            try:
                answers = self.pool.result(queue[0])
            except WorkerLost as lost:
                yield from self._lose(worker, _DIED, str(lost))
                return
            del self.in_flight[queue.popleft()]
            self.since[worker] = time.monotonic()
            self.warm.add(worker)
            self.losses = 0
            yield from answers
        if queue and self.pool.wait(list(queue), 0.0) is not None:  # a death may show at a later batch first
            yield from self._lose(worker, _DIED)

    def _lose(self, worker: int, reason: str, details: str = "") -> Iterator[TimedOutput]:
        """Replace a worker; the batch in hand is to blame, the others only wait for another worker."""
        lost = [self.in_flight.pop(handle) for handle in self.queues[worker]]
        self.queues[worker].clear()
        self.warm.discard(worker)
        self.losses += 1
        if self.losses > 4 * self.pool.size + TRIES:
            raise StoppedError(
                f"{self.losses} workers were lost one after another without an answer ({details or reason}); every "
                f"answer so far is kept: give the same command again, with fewer workers if memory is short"
            )
        self.pool.replace(worker)
        self.again.extendleft(reversed(lost[1:]))
        yield from self._blame(lost[0], worker, reason)

    def _blame(self, pending: PendingBatch, worker: int, reason: str) -> Iterator[TimedOutput]:
        """Ask a batch again, as a whole or request by request; a request that was alone is errored."""
        batch, tries = pending.batch, pending.tries + 1
        if tries < TRIES:
            self.again.append(PendingBatch(batch, tries, worker))
        elif len(batch.requests) > 1:
            for place, request in enumerate(batch.requests):
                alone = Batch(batch.number, (request,), batch.encoded[place : place + 1])
                self.again.append(PendingBatch(alone, TRIES - 1))
        else:
            yield TimedOutput(batch.number, errored(batch.requests[0], MeasurementError(reason)), 0.0)
