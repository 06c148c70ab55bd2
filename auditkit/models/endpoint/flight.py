"""Many questions in flight at once, answered to a caller that is not asynchronous."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

from auditkit.errors import MeasurementError, StoppedError
from auditkit.models.adapter import Arrival

Question = TypeVar("Question")
AnswerType = TypeVar("AnswerType")


@dataclass(frozen=True, slots=True)
class Flight(Generic[Question, AnswerType]):
    """Asks a stream of questions, `concurrency` at once: one that takes long does not hold the others up."""

    ask: Callable[[Question], Awaitable[AnswerType]]
    session: Callable[[], AbstractAsyncContextManager[None]]
    """Held open while questions are asked."""
    concurrency: int

    def run(self, questions: Iterable[Question]) -> Generator[Arrival[Question, AnswerType], None, None]:
        """Answers as they arrive. Questions are sent in their order, and taken from their iterator in this thread.

        Of the questions taken at most `concurrency` are in flight, and at most twice as many are not given back yet:
        some wait to be sent, some have arrived.

        Raises:
            StoppedError: as `ask` raised it, after everything in flight has arrived.
            BaseException: an interrupt, or what taking a question raised. What is in flight is given up; what has
                arrived comes before it.
        """
        source, pending, loop = iter(questions), 0, _Loop(self)
        stopped: StoppedError | None = None
        try:
            with loop:
                while True:
                    for question in islice(source, 0 if stopped else 2 * self.concurrency - pending):
                        loop.send(question)
                        pending += 1
                    if not pending:
                        break
                    arrival = loop.arrivals.get()
                    pending -= 1
                    if isinstance(arrival, Arrival):
                        yield arrival
                    elif isinstance(arrival, StoppedError):
                        stopped = arrival
                    else:
                        raise arrival
        except GeneratorExit:
            raise
        except BaseException:
            yield from loop.rest()
            raise
        if stopped is not None:
            raise stopped


class _Loop(Generic[Question, AnswerType]):
    """A thread with an event loop of its own: the caller may itself run in one, as notebooks do."""

    def __init__(self, flight: Flight[Question, AnswerType]) -> None:
        self.arrivals: SimpleQueue[Arrival[Question, AnswerType] | BaseException] = SimpleQueue()
        """One item a question: what came of it, or what ends the flight."""
        self._flight = flight
        self._loop = asyncio.new_event_loop()
        self._waiting: asyncio.Queue[Question] = asyncio.Queue()
        self._leaving = asyncio.Event()
        self._opened = threading.Event()
        self._stop: StoppedError | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        try:
            self._opened.wait()
        except BaseException:
            self._loop.call_soon_threadsafe(self._leaving.set)
            raise
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what is in flight: an interrupt does not wait for a deadline."""
        self._loop.call_soon_threadsafe(self._leaving.set)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def send(self, question: Question) -> None:
        """Ask as soon as fewer than `concurrency` are in flight."""
        self._loop.call_soon_threadsafe(self._waiting.put_nowait, question)

    def rest(self) -> Iterator[Arrival[Question, AnswerType]]:
        """What has arrived and was not taken."""
        while not self.arrivals.empty():
            arrival = self.arrivals.get()
            if isinstance(arrival, Arrival):
                yield arrival

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            self._failure = error
        finally:
            self._opened.set()

    async def _main(self) -> None:
        async with self._flight.session():
            workers = [asyncio.create_task(self._work()) for _ in range(self._flight.concurrency)]
            self._opened.set()
            await self._leaving.wait()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            self.arrivals.put(await self._settle(await self._waiting.get()))

    async def _settle(self, question: Question) -> Arrival[Question, AnswerType] | BaseException:
        if self._stop is not None:
            return self._stop
        begun = time.perf_counter()
        answer: AnswerType | Exception
        try:
            answer = await self._flight.ask(question)
        except StoppedError as error:
            self._stop = self._stop or error
            return self._stop
        except Exception as error:  # noqa: BLE001 - it is this question's alone
            answer = error
        except asyncio.CancelledError:
            if self._leaving.is_set():
                raise
            answer = MeasurementError("the request was called off")
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            return error
        return Arrival(question, answer, time.perf_counter() - begun)
