"""A stream of questions in the air: how many, in which order, and what ends it."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from auditkit.errors import StoppedError
from auditkit.models.endpoint.flight import Flight

Ask = Callable[[int], Awaitable[int]]


class Sky:
    """Questions wait in the air until they are let down; counts how many there are."""

    def __init__(self, *, held: Callable[[int], bool] = lambda question: False) -> None:
        self.sent: list[int] = []
        self.active = 0
        self.most = 0
        self.closed = 0
        self.held = held
        self.down = threading.Event()

    async def ask(self, question: int) -> int:
        """The number itself, once it is let down."""
        self.sent.append(question)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            while self.held(question) and not self.down.is_set():
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
            return question
        finally:
            self.active -= 1

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Counts its ends."""
        try:
            yield
        finally:
            self.closed += 1

    def flight(self, concurrency: int, ask: Ask | None = None) -> Flight[int, int]:
        """A flight through this sky."""
        return Flight(ask or self.ask, self.session, concurrency)


def answers(found: Any) -> list[int]:
    return [landed.result() for landed in found]


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_everything_lands_once_and_is_sent_in_order(concurrency: int) -> None:
    sky = Sky()
    assert sorted(answers(sky.flight(concurrency).run(range(200)))) == list(range(200))
    assert sky.sent == list(range(200))
    assert sky.most <= concurrency
    assert (sky.active, sky.closed) == (0, 1)


def test_nothing_to_ask() -> None:
    assert answers(Sky().flight(4).run([])) == []


def test_a_slow_answer_holds_nothing_else_up() -> None:
    sky = Sky(held=lambda question: question == 0)
    with closing(sky.flight(3).run(range(100))) as found:
        before = answers(itertools.islice(found, 99))
        assert sorted(before) == list(range(1, 100)), "the first is still in the air"
        sky.down.set()
        assert answers(found) == [0]


def test_the_air_is_full_while_anything_is_left() -> None:
    sky = Sky(held=lambda question: True)
    with closing(sky.flight(5).run(itertools.count())) as found:
        letting = threading.Thread(target=lambda: (_until(lambda: sky.active == 5), sky.down.set()))
        letting.start()
        next(found)
        letting.join()
    assert sky.most == 5


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(20_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it did not come to pass")


def test_questions_without_end_are_taken_only_as_they_are_sent() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for question in itertools.count():
            taken.append(question)
            yield question

    sky = Sky()
    with closing(sky.flight(4).run(endless())) as found:
        for given, _ in enumerate(itertools.islice(found, 500), 1):
            assert len(taken) - given < 8
    assert sky.active == 0


def test_a_caller_that_takes_its_time_finds_few_answers_waiting() -> None:
    sky = Sky()
    with closing(sky.flight(4).run(itertools.count())) as found:
        next(found)
        _until(lambda: len(sky.sent) == 8)
        threading.Event().wait(0.02)
        assert len(sky.sent) == 8, "what has landed and is not taken yet is bounded"


def test_one_failure_is_one_failure() -> None:
    async def ask(question: int) -> int:
        if question % 10 == 3:
            raise ValueError(str(question))
        if question == 7:
            raise asyncio.CancelledError
        return question

    found = list(Sky().flight(4, ask).run(range(30)))
    failed = {landed.question: str(landed.answer) for landed in found if isinstance(landed.answer, Exception)}
    assert failed == {3: "3", 13: "13", 23: "23", 7: "the request was called off"}
    assert sorted(landed.question for landed in found) == list(range(30))
    with pytest.raises(ValueError, match="13"):
        next(landed for landed in found if landed.question == 13).result()


def test_a_stop_comes_after_what_is_in_the_air() -> None:
    sky = Sky(held=lambda question: True)

    async def ask(question: int) -> int:
        if question == 10:
            sky.down.set()
            raise StoppedError("spent")
        if question < 8:
            return question
        return await sky.ask(question)

    landed: list[int] = []
    with pytest.raises(StoppedError, match="spent"):
        landed.extend(each.result() for each in sky.flight(3, ask).run(itertools.count()))
    assert sorted(landed) == list(range(10)), "8 and 9 were in the air; 11 was not sent any more"
    assert sky.sent == [8, 9]


def test_a_caller_that_goes_away_is_not_waited_for() -> None:
    sky = Sky(held=lambda question: question > 0)
    found = sky.flight(3).run(itertools.count())
    assert next(found).result() == 0
    found.close()  # would hang if it waited for what is held
    assert (sky.active, sky.closed) == (0, 1)


def test_an_interrupt_gives_up_what_is_in_the_air_and_keeps_what_has_landed() -> None:
    sky = Sky(held=lambda question: question == 1)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        _until(lambda: sky.active == 1 and len(sky.sent) == 4)
        signal.pthread_kill(main, signal.SIGINT)

    landed: list[int] = []
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        landed.extend(each.result() for each in sky.flight(2).run([0, 1, 2, 3]))
    assert sorted(landed) == [0, 2, 3]
    assert (sky.active, sky.closed) == (0, 1)


def test_an_interrupt_inside_a_question_comes_out_of_the_flight() -> None:
    async def ask(question: int) -> int:
        if question == 5:
            raise KeyboardInterrupt
        return question

    with pytest.raises(KeyboardInterrupt):
        list(Sky().flight(2, ask).run(itertools.count()))


def test_what_taking_a_question_raises_comes_after_what_has_landed() -> None:
    sky = Sky(held=lambda question: question == 2)

    def questions() -> Iterator[int]:
        yield from range(5)
        _until(lambda: len(sky.sent) == 5 and sky.active == 1)
        raise OSError("the plan cannot be read")

    landed: list[int] = []
    with pytest.raises(OSError, match="the plan"):
        landed.extend(each.result() for each in sky.flight(4).run(questions()))
    assert sorted(landed) == [0, 1, 3, 4]


def test_a_session_that_does_not_open() -> None:
    @asynccontextmanager
    async def session() -> AsyncIterator[None]:
        raise OSError("no sockets")
        yield

    with pytest.raises(OSError, match="no sockets"):
        list(Flight(Sky().ask, session, 2).run([1]))
