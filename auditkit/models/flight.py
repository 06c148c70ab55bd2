"""Many questions in the air at once, answered to a caller that is not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

from auditkit.errors import StoppedError

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(slots=True)
class Flight(Generic[Q, A]):
    """Asks in a thread of its own: the caller may itself run in an event loop, as notebooks do."""

    ask: Callable[[Q], Awaitable[A]]
    session: Callable[[], AbstractAsyncContextManager[None]]
    """Held open while questions are asked."""
    concurrency: int
    answers: SimpleQueue[A | BaseException | None] = field(default_factory=SimpleQueue)
    landing: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for answers any more."""

    def run(self, questions: Iterable[Q]) -> Iterator[A]:
        """Answers as they arrive.

        Raises:
            StoppedError: as `ask` raised it, after everything in the air has landed.
        """
        thread = threading.Thread(target=self._thread, args=(list(questions),), daemon=True)
        thread.start()
        try:
            while (answer := self.answers.get()) is not None:
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            self.landing.set()
            thread.join()

    def _thread(self, questions: list[Q]) -> None:
        try:
            asyncio.run(self._all(questions))
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            self.answers.put(error)
        else:
            self.answers.put(None)

    async def _all(self, questions: list[Q]) -> None:
        waiting = iter(questions)
        stopped: list[StoppedError] = []

        async def worker() -> None:
            for question in waiting:
                if stopped:
                    return
                try:
                    self.answers.put(await self.ask(question))
                except StoppedError as error:
                    stopped.append(error)

        async with self.session():
            workers = [asyncio.create_task(worker()) for _ in range(min(self.concurrency, len(questions)))]
            watch = asyncio.create_task(self._watch(workers))
            try:
                await asyncio.gather(*workers)
            finally:
                watch.cancel()
        if stopped:
            raise stopped[0]

    async def _watch(self, workers: list[asyncio.Task[None]]) -> None:
        """Cancel what is in the air when the caller has gone: an interrupt does not wait for a deadline."""
        while not self.landing.is_set():
            await asyncio.sleep(0.1)
        for task in workers:
            task.cancel()
