"""One round of requests: cache, journal, plan, model; and the loop of rounds.

Everything is journalled before it is used, so that a killed run goes on where it was: it makes the same plan, skips
the batches that are wholly answered and runs the others whole, which is the arithmetic of an undisturbed run.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from auditkit.errors import AuditkitError, MeasurementError, ModelError
from auditkit.models.adapter import Adapter, Encoded, PrefixSharer
from auditkit.run.executor import Batch, Executor, TimedOutput, errored, executor_for
from auditkit.run.plan import BatchPlan, Planner, cost
from auditkit.run.progress import Progress
from auditkit.run.tokens import TokenStore
from auditkit.schema import Output, Request
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.journal import Entry, OutputEntry, PlanEntry, RequestEntry
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal
from auditkit.store.records import JournalRecords

_ENCODED_AT_ONCE = 512
_LOOKED_UP_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class UniqueRequests:
    """Requests without duplicates, and who asked them."""

    requests: Mapping[str, Request]
    """sha256 to request."""
    askers: Mapping[str, tuple[str, ...]]
    """sha256 of a request to the ids of the samples that asked it."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round brought."""

    outputs: Mapping[str, Output]
    """sha256 of each request to its answer, errored ones included; made into an object each time it is asked for."""
    requests: int = 0
    """Different requests."""
    cache_hits: int = 0
    """Answers that came from the cache."""
    errored: int = 0
    tokens: int = 0
    """Tokens that the model read and wrote, in this process."""
    seconds: float = 0.0
    """Wall time, in this process."""


class _RoundAnswers(Mapping[str, Output]):
    """The answers to some requests, in a journal that may hold more."""

    def __init__(self, requests: Collection[str], outputs: Mapping[str, Output]) -> None:
        """All requests have an output."""
        self._requests = requests
        self._outputs = outputs

    def __getitem__(self, sha: str) -> Output:
        """The answer to a request."""
        if sha not in self._requests:
            raise KeyError(sha)
        return self._outputs[sha]

    def __iter__(self) -> Iterator[str]:
        """The requests."""
        return iter(self._requests)

    def __len__(self) -> int:
        """How many requests."""
        return len(self._requests)


def deduplicate(pairs: Iterable[tuple[str, Request]]) -> UniqueRequests:
    """Merge equal requests.

    Args:
        pairs: a sample's id and its request.
    """
    requests: dict[str, Request] = {}
    askers: dict[str, list[str]] = {}
    for sample_id, request in pairs:
        requests.setdefault(request.sha256, request)
        askers.setdefault(request.sha256, []).append(sample_id)
    return UniqueRequests(requests, {sha: tuple(dict.fromkeys(ids)) for sha, ids in askers.items()})


def run_round(
    adapter: Adapter,
    requests: Mapping[str, Request],
    askers: Mapping[str, tuple[str, ...]],
    journal: Journal,
    cache: AnswerCache | None,
    *,
    batch_tokens: int,
    on_event: OnEvent = ignore,
    number: int = 0,
    executor: Executor | None = None,
    retry_errors: bool = False,
) -> Round:
    """Answer all requests of a round, or those that an interrupted run left.

    Args:
        adapter: the model.
        requests: sha256 to request.
        askers: sha256 of a request to the ids of the samples that asked it.
        journal: takes requests, hits, the plan's hash and every batch; what it holds already counts as answered,
            errored answers included.
        cache: looked up once, before the round is planned; `None` for none.
        batch_tokens: most tokens a batch, padded.
        on_event: called at progress, in stage `run`.
        number: the round, from 0.
        executor: runs the batches; default that of `executor_for`.
        retry_errors: ask again what is journalled as errored.

    Raises:
        MeasurementError: the journal cannot be written, or a key is not its request's hash.
        BaseException: an interrupt, after what is answered was journalled.
    """
    for sha, request in requests.items():
        if request.sha256 != sha:
            raise MeasurementError(f"request {request.sha256[:12]} is filed under another hash, {sha[:12]}")
    run = _OpenRound(
        adapter, requests, askers, journal, cache, on_event, number, batch_tokens, executor or executor_for(adapter)
    )
    run.begin()
    run.finish(run.unplanned())
    if retry_errors:
        run.finish(run.retried(), retry=True)
    return run.result()


def rounds(
    plan: Callable[[Mapping[str, Output]], UniqueRequests], run: Callable[[UniqueRequests, int], Round]
) -> Round:
    """Ask until nothing is left to ask.

    Args:
        plan: outputs so far to the requests of the next round; none new ends the loop.
        run: answers the requests of a round; the second argument is the round, from 0.
    """
    total, number = Round({}), 0
    while True:
        planned = plan(total.outputs)
        if all(sha in total.outputs for sha in planned.requests):
            return total
        brought, number = run(planned, number), number + 1
        outputs = {**total.outputs, **brought.outputs}
        total = Round(
            outputs=outputs,
            requests=len(outputs),
            cache_hits=total.cache_hits + brought.cache_hits,
            errored=sum(output.error is not None for output in outputs.values()),
            tokens=total.tokens + brought.tokens,
            seconds=total.seconds + brought.seconds,
        )


@dataclass(slots=True)
class _OpenRound:
    """The state of one round."""

    adapter: Adapter
    requests: Mapping[str, Request]
    askers: Mapping[str, tuple[str, ...]]
    journal: Journal
    cache: AnswerCache | None
    on_event: OnEvent
    number: int
    batch_tokens: int
    executor: Executor
    records: JournalRecords = field(init=False)
    """What the journal held when the round began."""
    answered: set[str] = field(default_factory=set)
    """The requests that the journal holds an answer to."""
    errors: set[str] = field(default_factory=set)
    """Those of them that are errored."""
    hits: set[str] = field(default_factory=set)
    """Those whose answer came from the cache."""
    begun: float = field(default_factory=time.perf_counter)
    progress: Progress = field(init=False)
    encoded: TokenStore = field(init=False)
    """What the tokenizer made of the planned requests."""

    def __post_init__(self) -> None:
        self.records = self.journal.records
        self.encoded = TokenStore()
        self.progress = Progress(self.askers, self.on_event)

    def begin(self) -> None:
        """Journal the requests; count the answers that the journal and the cache hold."""
        self.progress.expect(self.requests)
        self.journal.append_many(self._new_requests())
        for sha in self.requests:
            output = self.records.outputs.get(sha)
            if output is not None:
                self._count(sha, output)
        self.hits = {sha for sha in self.answered if sha in self.records.from_cache}
        # The cache is looked up before a round is planned, and once more where damaged lines held answers.
        if self.records.plan_of(self.number) is None or self.journal.recovered:
            self._look_up()
        self.progress.add_answered(self.answered)

    def unplanned(self) -> list[Request]:
        """The requests that the round's plan is made of: those not answered when it is, or was, first planned."""
        if self.records.plan_of(self.number) is None:
            return [request for sha, request in self.requests.items() if sha not in self.answered]
        records, number = self.records, self.number
        return [request for sha, request in self.requests.items() if not records.answered_before(number, sha)]

    def retried(self) -> list[Request]:
        """The requests that came errored from the journal; from now on they count as not answered."""
        errors = [sha for sha in self.requests if sha in self.errors and sha in self.records.outputs]
        self.answered.difference_update(errors)
        self.errors.difference_update(errors)
        self.progress.add_answered(errors, back=True)
        return [self.requests[sha] for sha in errors]

    def finish(self, requests: Sequence[Request], *, retry: bool = False) -> None:
        """Plan the requests, and run the batches that are not wholly answered."""
        self.progress.report(len(self.hits))
        planned = self.records.plan_of(self.number) is not None
        if (planned or retry) and all(request.sha256 in self.answered for request in requests):
            return
        plan = self._plan(requests)
        self._journal_plan(plan, retry=retry)
        self._run(plan)

    def result(self) -> Round:
        """Outputs and counters."""
        return Round(
            outputs=_RoundAnswers(self.requests, self.journal.records.outputs),
            requests=len(self.requests),
            cache_hits=len(self.hits),
            errored=len(self.errors),
            tokens=self.progress.tokens,
            seconds=time.perf_counter() - self.begun,
        )

    def _new_requests(self) -> Iterable[Entry]:
        for sha, request in self.requests.items():
            ids = self.askers.get(sha, ())
            journalled = self.records.askers.get(sha)
            if journalled is None or not set(ids) <= set(journalled):
                yield RequestEntry(request=request, samples=ids)

    def _look_up(self) -> None:
        if self.cache is None or not self.adapter.cacheable:
            return
        wanted = (sha for sha in self.requests if sha not in self.answered)
        while chunk := list(islice(wanted, _LOOKED_UP_AT_ONCE)):
            cached = self.cache.get_many(self.adapter.subject.fingerprint, chunk)
            outputs = [cached[sha] for sha in chunk if sha in cached]
            self.journal.append(OutputEntry(output=output, seconds=0.0, cached=True) for output in outputs)
            for output in outputs:
                self._count(output.request, output)
                self.hits.add(output.request)

    def _count(self, sha: str, output: Output) -> None:
        """Count a request as answered: the journal holds it."""
        self.answered.add(sha)
        (self.errors.discard if output.error is None else self.errors.add)(sha)

    def _plan(self, requests: Sequence[Request]) -> BatchPlan:
        """Plan the requests that can be encoded; the others become errored outputs."""
        shared = isinstance(self.adapter, PrefixSharer) and self.adapter.shares_beginnings
        planner = Planner(batch_tokens=self.batch_tokens)
        failures: list[Output] = []
        rest = iter(requests)
        while chunk := list(islice(rest, _ENCODED_AT_ONCE)):
            encoded, failed = self._encode(chunk)
            for item in encoded:
                planner.add(cost(item, shared=shared, text=self._singly), self.encoded.add(item))
            failures += failed
        new = [output for output in failures if output.request not in self.answered]
        self.journal.append_many(OutputEntry(output=output, seconds=0.0, cached=False) for output in new)
        for output in new:
            self._count(output.request, output)
        self.progress.add_answered(output.request for output in new)
        return planner.plan()

    def _encode(self, chunk: Sequence[Request]) -> tuple[list[Encoded], list[Output]]:
        """What can be encoded, and an errored output for each of the others."""
        try:
            return self.adapter.encode(chunk), []
        except ModelError:  # a template that drops what it is asked: no answer of this model would mean anything
            raise
        except Exception:  # noqa: BLE001 - one of them is at fault; it alone becomes errored
            encoded, failures = [], []
            for request in chunk:
                try:
                    encoded += self.adapter.encode([request])
                except ModelError:
                    raise
                except Exception as error:  # noqa: BLE001
                    failures.append(errored(request, error))
            return encoded, failures

    def _journal_plan(self, plan: BatchPlan, *, retry: bool) -> None:
        last = None if retry else self.records.plan_of(self.number)
        if last is not None and last.plan.sha256 == plan.sha256:
            return
        if last is not None:
            what = f"line {last.line} planned {last.plan.sha256[:12]}, now it is {plan.sha256[:12]}"
            where = f"{self.journal.path}: round {self.number}"
            self._event(f"{where} is batched in another way than before: {what}; going on")
        self.journal.append([
            PlanEntry(
                sha256=plan.sha256, round=self.number, batches=len(plan), requests=plan.requests, retry=retry
            )
        ])

    @property
    def _singly(self) -> bool:
        """Whether each answer is journalled by itself, since each has its price."""
        return self.adapter.subject.kind == "api"

    def _batches(self, plan: BatchPlan, sizes: dict[int, int]) -> Iterator[Batch]:
        """The batches that are not wholly answered, as an executor wants them.

        Args:
            plan: all batches.
            sizes: gets the number of requests of each batch that is journalled as a whole.
        """
        for index, placed in enumerate(plan.placed()):
            if all(sha in self.answered for sha, _ in placed):
                continue
            if self._singly:
                placed = tuple((sha, place) for sha, place in placed if sha not in self.answered)
            requests = tuple(self.requests[sha] for sha, _ in placed)
            encoded = [self.encoded.get(request, place) for request, (_, place) in zip(requests, placed, strict=True)]
            held = tuple(item for item in encoded if item is not None)
            if not self._singly:
                sizes[index] = len(requests)
            yield Batch(index, requests, held if len(held) == len(requests) else ())

    def _run(self, plan: BatchPlan) -> None:
        """Execute batches; journal each when it is complete, and on an interrupt the answers that it has."""
        sizes: dict[int, int] = {}
        pending: dict[int, list[TimedOutput]] = {}
        self.progress.start()
        answers = self.executor.run(self._batches(plan, sizes))
        try:
            for answer in answers:
                pending.setdefault(answer.batch, []).append(answer)
                if len(pending[answer.batch]) == sizes.get(answer.batch, 1):
                    self._accept(pending[answer.batch])
                    del pending[answer.batch]
                    sizes.pop(answer.batch, None)
        except BaseException:
            with contextlib.suppress(AuditkitError):
                journalled = self.journal.records.outputs  # an interrupt may come between writing and noting that
                waiting = [answer for batch in pending.values() for answer in batch]
                self._record([item for item in waiting if journalled.get(item.output.request) != item.output])
            raise
        finally:
            if isinstance(answers, Generator):  # workers stop now, not when the traceback is let go
                answers.close()
        lost = sum(sha not in self.answered for batch in plan.batches() for sha in batch)
        if lost:
            raise MeasurementError(f"the executor lost the answers to {lost} requests; give the same command again")

    def _accept(self, answers: Sequence[TimedOutput]) -> None:
        """Journal answers, count them, then cache them."""
        self._record(answers)
        outputs = [answer.output for answer in answers]
        self.hits.difference_update(output.request for output in outputs)
        self.progress.add_answered(output.request for output in outputs if output.request not in self.answered)
        for output in outputs:
            self._count(output.request, output)
        self.progress.add_computed(outputs)
        if self.cache is not None and self.adapter.cacheable:
            self.cache.put_many(self.adapter.subject.fingerprint, outputs, self.adapter.subject.name)
        self.progress.report(len(self.hits))

    def _record(self, answers: Sequence[TimedOutput]) -> None:
        """Journal answers; those of a batch were computed together, so that each has an even share of its time."""
        share = sum(answer.seconds for answer in answers) / max(1, len(answers))
        self.journal.append([
            OutputEntry(output=answer.output, seconds=share, cached=False, latency=answer.latency)
            for answer in answers
        ])

    def _event(self, message: str) -> None:
        self.on_event(Event("run", message))
