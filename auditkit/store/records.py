"""What the lines of a journal add up to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.schema import Attribution, Output, Record, Request, Sample, plain
from auditkit.schema.faults import first_fault
from auditkit.store.index import Index, Lines, Row, Spilled
from auditkit.store.lines import KINDS, LineFault
from auditkit.store.numbers import Numbers

Commit = Callable[[], None]

HELD = 1 << 12
"""Requests, and answers, that are held in memory; of what comes later only where its lines lie."""
_RECORDS: dict[str, type[Record]] = {
    "sample": Sample, "request": Request, "output": Output, "attribution": Attribution,
}
"""Kind of line to the record in its body."""


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A journalled plan."""

    number: int
    """The round, from 0."""
    sha256: str
    line: int
    """Line number in the journal."""
    retry: bool
    """A second try of errored requests, beside the round's own plan."""


@dataclass(frozen=True, slots=True)
class JournalRecords:
    """Everything a journal holds."""

    header: dict[str, Any]
    samples: tuple[Sample, ...]
    """In the order journalled."""
    requests: Mapping[str, Request]
    """sha256 to request; of a long journal, this and what follows is read from the file when asked."""
    askers: Mapping[str, tuple[str, ...]]
    """sha256 of a request to the ids of the samples that asked it."""
    outputs: Mapping[str, Output]
    """sha256 of a request to its answer; the last one journalled counts."""
    from_cache: AbstractSet[str]
    """Requests whose answer came from the cache."""
    plans: tuple[PlanLine, ...]
    attributions: tuple[Attribution, ...]
    not_explained: Mapping[str, str]
    """Sample id to the reason why it has no attribution."""
    seal: str | None
    """sha256 of audit.json; the last seal counts."""
    after_seal: int
    """Lines behind the last seal: where there are any, audit.json is older than the journal."""
    lines: int
    seconds: float
    """Seconds that the model took for all answers; none for those from the cache."""
    first_answer: Mapping[str, int]
    """sha256 of a request to the line of its first answer."""
    latencies: Collection[float]
    """Seconds of each answer that did not come from the cache, as journalled: its own where known, else its share."""

    @property
    def cached(self) -> int:
        """How many answers came from the cache."""
        return len(self.from_cache)

    def plan_of(self, number: int) -> PlanLine | None:
        """The last plan of a round; `None` where the round was not planned yet."""
        return next((plan for plan in reversed(self.plans) if plan.number == number and not plan.retry), None)

    def answered_before(self, number: int, sha: str) -> bool:
        """Whether a request was answered before a round was first planned: a cache hit, or in an earlier round."""
        first = next((plan.line for plan in self.plans if plan.number == number and not plan.retry), self.lines + 1)
        return self.first_answer.get(sha, first) < first


@dataclass(slots=True)
class Fold:
    """Adds up lines, those read and those written alike."""

    header: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    askers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    cached: set[str] = field(default_factory=set)
    plans: list[PlanLine] = field(default_factory=list)
    attributions: list[Attribution] = field(default_factory=list)
    not_explained: dict[str, str] = field(default_factory=dict)
    seal: str | None = None
    sealed_at: int = 0
    lines: int = 0
    seconds: float = 0.0
    first_answer: dict[str, int] = field(default_factory=dict)
    latencies: Numbers = field(init=False)
    path: Path | None = None
    """The journal; `None` where nothing is to be read again."""
    more_requests: Index = field(init=False)
    """Lines of the requests that are not held."""
    more_outputs: Index = field(init=False)
    """Lines of the outputs that are not held."""
    reader: Lines | None = None

    def __post_init__(self) -> None:
        """Make what lies on disk beside the journal."""
        folder = self.path.parent if self.path else None
        self.more_requests, self.more_outputs, self.latencies = Index(folder), Index(folder), Numbers(folder)

    def stage(self, kind: str, body: Mapping[str, Any], seq: int, offset: int = 0) -> Commit:
        """Check a body, and return what adds it.

        Args:
            kind: of the line.
            body: of the line.
            seq: its number.
            offset: where it begins in the file, in bytes.

        Raises:
            LineFault: the body is not what its kind needs.
        """
        if kind not in KINDS:
            raise LineFault(seq, f"unknown kind {kind!r}")
        if (kind == "header") != (seq == 1):
            raise LineFault(seq, "the first line, and no other, must be the header")
        try:
            commit: Commit = getattr(self, f"_{kind}")(body, seq, offset)
        except ValidationError as error:
            raise LineFault(seq, f"{kind}: {first_fault(error, _RECORDS[kind])}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise LineFault(seq, f"{kind}: unexpected body ({type(error).__name__}: {error})") from None

        def add() -> None:
            commit()
            self.lines = seq

        return add

    def snapshot(self) -> JournalRecords:
        """The records so far; lines added later do not change them."""
        return JournalRecords(
            header=self.header,
            samples=tuple(self.samples.values()),
            plans=tuple(self.plans),
            attributions=tuple(self.attributions),
            not_explained=dict(self.not_explained),
            seal=self.seal,
            after_seal=self.lines - self.sealed_at if self.seal else 0,
            lines=self.lines,
            seconds=self.seconds,
            latencies=self.latencies.frozen(),
            **self._asked(),
            **self._answers(),
        )

    def _asked(self) -> dict[str, Any]:
        """Requests and who asked them."""
        requests, askers = dict(self.requests), dict(self.askers)
        if not self.more_requests:
            return {"requests": requests, "askers": askers}
        index, lines = self.more_requests.frozen(), self._lines()

        def request(offset: int) -> Request:
            return Request.model_validate(lines.body(offset)["request"])

        def samples(rows: Sequence[Row]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(str(name) for offset, _ in rows for name in lines.body(offset)["samples"]))

        return {
            "requests": Spilled(requests, index, lambda rows: request(rows[0][0])),
            "askers": Spilled(askers, index, samples),
        }

    def _answers(self) -> dict[str, Any]:
        """Outputs, whence they came, and the lines of the first ones."""
        outputs, first, cached = dict(self.outputs), dict(self.first_answer), frozenset(self.cached)
        if not self.more_outputs:
            return {"outputs": outputs, "first_answer": first, "from_cache": cached}
        index, lines = self.more_outputs.frozen(), self._lines()

        def output(rows: Sequence[Row]) -> Output:
            return Output.model_validate(lines.body(rows[-1][0])["output"])

        return {
            "outputs": Spilled(outputs, index, output),
            "first_answer": Spilled(first, index, lambda rows: rows[0][1] // 2),
            "from_cache": _FromCache(
                Spilled({sha: sha in cached for sha in outputs}, index, lambda rows: bool(rows[-1][1] % 2))
            ),
        }

    def _may_spill(self) -> bool:
        """Whether lines can be read again; from now on the file is kept open."""
        if self.path is None:
            return False
        self._lines()
        return True

    def _lines(self) -> Lines:
        if self.reader is None:
            assert self.path is not None
            self.reader = Lines(self.path)
        return self.reader

    def _header(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        return lambda: setattr(self, "header", plain(dict(body)))

    def _sample(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        sample = Sample.model_validate(body["sample"])
        if self.samples.get(sample.id, sample) != sample:
            raise LineFault(seq, f"sample {sample.id} stands twice, with other content")
        return lambda: self.samples.update({sample.id: sample})

    def _request(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        request = Request.model_validate(body["request"])
        asked = tuple(str(sample) for sample in body["samples"])

        def add() -> None:
            if request.sha256 not in self.requests and len(self.requests) >= HELD and self._may_spill():
                self.more_requests.add(request.sha256, offset, 2 * seq)
                return
            before = self.askers.get(request.sha256, ())
            self.requests.setdefault(request.sha256, request)
            self.askers[request.sha256] = tuple(dict.fromkeys(before + asked))

        return add

    def _output(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        output = Output.model_validate(body["output"])
        seconds, cached = float(body["seconds"]), bool(body["cached"])
        latency = float(body.get("latency", seconds))

        def add() -> None:
            sha = output.request
            self.seconds += 0.0 if cached else seconds
            if not cached and output.error is None:
                self.latencies.append(latency)
            if sha not in self.outputs and len(self.outputs) >= HELD and self._may_spill():
                self.more_outputs.add(sha, offset, 2 * seq + cached)
                return
            self.outputs[sha] = output
            self.first_answer.setdefault(sha, seq)
            (self.cached.add if cached else self.cached.discard)(sha)

        return add

    def _plan(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        plan = PlanLine(int(body["round"]), str(body["sha256"]), seq, bool(body["retry"]))
        return lambda: self.plans.append(plan)

    def _attribution(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        attribution = Attribution.model_validate(body["attribution"])
        return lambda: self.attributions.append(attribution)

    def _not_explained(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        sample, reason = str(body["sample"]), str(body["reason"])
        return lambda: self.not_explained.update({sample: reason})

    def _seal(self, body: Mapping[str, Any], seq: int, offset: int) -> Commit:
        value = str(body["sha256"])

        def add() -> None:
            self.seal, self.sealed_at = value, seq

        return add


class _FromCache(AbstractSet[str]):
    """The requests of a mapping whose answers were cached."""

    def __init__(self, cached: Mapping[str, bool]) -> None:
        self._cached = cached

    def __contains__(self, sha: object) -> bool:
        return isinstance(sha, str) and self._cached.get(sha, False)

    def __iter__(self) -> Iterator[str]:
        return (sha for sha, cached in self._cached.items() if cached)

    def __len__(self) -> int:
        return sum(1 for _ in self)
