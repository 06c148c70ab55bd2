"""Many questions in the air at once, answered to a caller that is not asynchronous."""

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
from auditkit.models.adapter import Landed

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Flight(Generic[Q, A]):
    """Asks a stream of questions, `concurrency` at once: one that takes long holds no other up."""

    ask: Callable[[Q], Awaitable[A]]
    session: Callable[[], AbstractAsyncContextManager[None]]
    """Held open while questions are asked."""
    concurrency: int

    def run(self, questions: Iterable[Q]) -> Generator[Landed[Q, A], None, None]:
        """Answers as they land. Questions are sent in their order, and taken from their iterator in this thread.

        Of the questions taken at most `concurrency` are in the air, and at most twice as many are not given back yet:
        some wait to be sent, some have landed.

        Raises:
            StoppedError: as `ask` raised it, after everything in the air has landed.
            BaseException: an interrupt, or what taking a question raised. What is in the air is given up; what has
                landed comes before it.
        """
        source, out, air = iter(questions), 0, _Air(self)
        stopped: StoppedError | None = None
        try:
            with air:
                while True:
                    for question in islice(source, 0 if stopped else 2 * self.concurrency - out):
                        air.send(question)
                        out += 1
                    if not out:
                        break
                    found = air.landed.get()
                    out -= 1
                    if isinstance(found, Landed):
                        yield found
                    elif isinstance(found, StoppedError):
                        stopped = found
                    else:
                        raise found
        except GeneratorExit:
            raise
        except BaseException:
            yield from air.rest()
            raise
        if stopped is not None:
            raise stopped


class _Air(Generic[Q, A]):
    """A thread with an event loop of its own: the caller may itself run in one, as notebooks do."""

    def __init__(self, flight: Flight[Q, A]) -> None:
        self.landed: SimpleQueue[Landed[Q, A] | BaseException] = SimpleQueue()
        """One item a question: what came of it, or what ends the flight."""
        self._flight = flight
        self._loop = asyncio.new_event_loop()
        self._waiting: asyncio.Queue[Q] = asyncio.Queue()
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
        """Give up what is in the air: an interrupt does not wait for a deadline."""
        self._loop.call_soon_threadsafe(self._leaving.set)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def send(self, question: Q) -> None:
        """Ask as soon as fewer than `concurrency` are in the air."""
        self._loop.call_soon_threadsafe(self._waiting.put_nowait, question)

    def rest(self) -> Iterator[Landed[Q, A]]:
        """What has landed and was not taken."""
        while not self.landed.empty():
            found = self.landed.get()
            if isinstance(found, Landed):
                yield found

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
            self.landed.put(await self._settle(await self._waiting.get()))

    async def _settle(self, question: Q) -> Landed[Q, A] | BaseException:
        if self._stop is not None:
            return self._stop
        begun = time.perf_counter()
        answer: A | Exception
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
        return Landed(question, answer, time.perf_counter() - begun)
