"""How batches reach the model: one after another in this process, or as a stream to a server."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from auditkit.errors import MeasurementError, ModelError, StoppedError
from auditkit.models.adapter import Adapter, Encoded, RemoteAdapter
from auditkit.schema import Output, Request, repair

_LONGEST_REASON = 300
"""Characters of an error's text."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_FOLDERS = sorted({str(Path(__file__).resolve().parents[2]), sys.prefix, str(Path.home())}, key=len, reverse=True)
"""Folders that differ from machine to machine; in an error's text they become `…`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that are answered together."""

    number: int
    requests: tuple[Request, ...]
    encoded: tuple[Encoded, ...] = ()
    """The same as the tokenizer made them for the plan; empty where it is no longer held."""


@dataclass(frozen=True, slots=True)
class TimedOutput:
    """One output and what it took."""

    batch: int
    """Number of its batch."""
    output: Output
    seconds: float
    """Time since the answer before it: in the same batch, or of the same server."""
    latency: float | None = None
    """Seconds from sending this very request to its answer, where the adapter knows them."""


class Executor(Protocol):
    """Answers batches, in whatever order and wherever it likes."""

    def run(self, batches: Iterable[Batch]) -> Iterator[TimedOutput]:
        """One answer a request of each batch, errored ones included; no `Exception` of one request leaves it.

        `KeyboardInterrupt` and `SystemExit` do, at once; so does `StoppedError`, after what is in flight was answered.
        """


class LocalExecutor:
    """One batch after another, in this process."""

    def __init__(self, adapter: Adapter) -> None:
        """Bind the adapter that answers."""
        self._adapter = adapter

    def run(self, batches: Iterable[Batch]) -> Iterator[TimedOutput]:
        """Answer each batch; one that fails is asked again request by request, and only the culprit is errored."""
        for batch in batches:
            begun = time.perf_counter()
            for output in self._answer(batch.requests, batch.encoded):
                now = time.perf_counter()
                yield TimedOutput(batch.number, output, now - begun)
                begun = time.perf_counter()

    def _answer(self, requests: Sequence[Request], encoded: Sequence[Encoded] = ()) -> Iterator[Output]:
        """Outputs. What was answered before a failure is kept, the others are asked one by one."""
        left = {request.sha256: request for request in requests}
        try:
            for output in self._ask(requests, encoded):
                del left[output.request]
                yield output
        except (StoppedError, ModelError):
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything; it becomes an errored output
            if len(requests) == 1:
                yield errored(requests[0], error)
                return
        for request in left.values():
            yield from self._answer([request])

    def _ask(self, requests: Sequence[Request], encoded: Sequence[Encoded]) -> Iterator[Output]:
        """Outputs in the adapter's order, each checked to be the one answer to one of the requests."""
        left = {request.sha256 for request in requests}
        for output in self._adapter.execute(encoded or self._adapter.encode(requests)):
            if output.request not in left:
                raise MeasurementError("the adapter answered another request")
            left.remove(output.request)
            yield output
            if not left:
                return
        if left:
            raise MeasurementError("the adapter gave no output")


class FlightExecutor:
    """One stream of requests to a server, across batches: a slow answer does not hold up the next batch."""

    def __init__(self, adapter: RemoteAdapter) -> None:
        """Nothing is sent yet."""
        self._adapter = adapter

    def run(self, batches: Iterable[Batch]) -> Iterator[TimedOutput]:
        """Answers as they arrive; batches are read, in their order, as their requests can be sent."""
        sent: dict[str, tuple[int, Request]] = {}
        begun = time.perf_counter()
        with closing(self._adapter.stream(_requests(batches, sent))) as arrivals:
            for arrival in arrivals:
                number, request = sent.pop(arrival.question.sha256)
                now = time.perf_counter()
                yield TimedOutput(number, _checked(request, arrival.answer), now - begun, arrival.seconds)
                begun = now
        for number, request in sent.values():
            yield TimedOutput(number, errored(request, MeasurementError("the adapter gave no output")), 0.0)


def _requests(batches: Iterable[Batch], sent: dict[str, tuple[int, Request]]) -> Iterator[Request]:
    """The requests of all batches; each is noted in `sent` by its sha256, with the number of its batch."""
    for batch in batches:
        for request in batch.requests:
            sent[request.sha256] = batch.number, request
            yield request


def executor_for(adapter: Adapter) -> Executor:
    """The executor that asks an adapter from this process: servers by a stream of requests, models by batches."""
    return FlightExecutor(adapter) if isinstance(adapter, RemoteAdapter) else LocalExecutor(adapter)


def _checked(request: Request, answer: Output | Exception) -> Output:
    """The output of a request; errored where the answer is an exception, or another request's."""
    if isinstance(answer, Exception):
        return errored(request, answer)
    if answer.request != request.sha256:
        return errored(request, MeasurementError("the adapter answered another request"))
    return answer


def errored(request: Request, error: BaseException) -> Output:
    """The output of a request that could not be answered: one line, the same on every machine and in every run."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    for folder in _FOLDERS:
        text = text.replace(f"{folder}/", "…/") if len(folder) > 1 else text
    text = _ADDRESS.sub("0x…", repair(text)[0])
    return Output(request=request.sha256, rule=request.rule, error=text[:_LONGEST_REASON].rstrip(" :"))
