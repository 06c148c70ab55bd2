"""What the lines of a journal add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from auditkit.schema import Attribution, Output, Request, Sample, plain
from auditkit.store.lines import KINDS, LineFault

Commit = Callable[[], None]


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
    """sha256 to request."""
    askers: Mapping[str, tuple[str, ...]]
    """sha256 of a request to the ids of the samples that asked it."""
    outputs: Mapping[str, Output]
    """sha256 of a request to its answer; the last one journalled counts."""
    from_cache: frozenset[str]
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

    @property
    def cached(self) -> int:
        """How many answers came from the cache."""
        return len(self.from_cache)

    def plan_of(self, number: int) -> PlanLine | None:
        """The last plan of a round; `None` where the round was not planned yet."""
        return next((plan for plan in reversed(self.plans) if plan.number == number and not plan.retry), None)

    def answered_before(self, number: int) -> set[str]:
        """Requests that were answered before a round was first planned: cache hits, earlier rounds."""
        first = next((plan.line for plan in self.plans if plan.number == number and not plan.retry), self.lines + 1)
        return {sha for sha, line in self.first_answer.items() if line < first}


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

    def stage(self, kind: str, body: Mapping[str, Any], seq: int) -> Commit:
        """Check a body, and return what adds it.

        Raises:
            LineFault: the body is not what its kind needs.
        """
        if kind not in KINDS:
            raise LineFault(seq, f"unknown kind {kind!r}")
        if (kind == "header") != (seq == 1):
            raise LineFault(seq, "the first line, and no other, must be the header")
        try:
            commit: Commit = getattr(self, f"_{kind}")(body, seq)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise LineFault(seq, f"{kind}: {where}: {first['msg']}") from None
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
            requests=dict(self.requests),
            askers=dict(self.askers),
            outputs=dict(self.outputs),
            from_cache=frozenset(self.cached),
            plans=tuple(self.plans),
            attributions=tuple(self.attributions),
            not_explained=dict(self.not_explained),
            seal=self.seal,
            after_seal=self.lines - self.sealed_at if self.seal else 0,
            lines=self.lines,
            seconds=self.seconds,
            first_answer=dict(self.first_answer),
        )

    def _header(self, body: Mapping[str, Any], seq: int) -> Commit:
        return lambda: setattr(self, "header", plain(dict(body)))

    def _sample(self, body: Mapping[str, Any], seq: int) -> Commit:
        sample = Sample.model_validate(body["sample"])
        if self.samples.get(sample.id, sample) != sample:
            raise LineFault(seq, f"sample {sample.id} stands twice, with other content")
        return lambda: self.samples.update({sample.id: sample})

    def _request(self, body: Mapping[str, Any], seq: int) -> Commit:
        request = Request.model_validate(body["request"])
        asked = tuple(str(sample) for sample in body["samples"])

        def add() -> None:
            before = self.askers.get(request.sha256, ())
            self.requests.setdefault(request.sha256, request)
            self.askers[request.sha256] = tuple(dict.fromkeys(before + asked))

        return add

    def _output(self, body: Mapping[str, Any], seq: int) -> Commit:
        output = Output.model_validate(body["output"])
        seconds, cached = float(body["seconds"]), bool(body["cached"])

        def add() -> None:
            sha = output.request
            self.outputs[sha] = output
            self.first_answer.setdefault(sha, seq)
            (self.cached.add if cached else self.cached.discard)(sha)
            self.seconds += 0.0 if cached else seconds

        return add

    def _plan(self, body: Mapping[str, Any], seq: int) -> Commit:
        plan = PlanLine(int(body["round"]), str(body["sha256"]), seq, bool(body["retry"]))
        return lambda: self.plans.append(plan)

    def _attribution(self, body: Mapping[str, Any], seq: int) -> Commit:
        attribution = Attribution.model_validate(body["attribution"])
        return lambda: self.attributions.append(attribution)

    def _not_explained(self, body: Mapping[str, Any], seq: int) -> Commit:
        sample, reason = str(body["sample"]), str(body["reason"])
        return lambda: self.not_explained.update({sample: reason})

    def _seal(self, body: Mapping[str, Any], seq: int) -> Commit:
        value = str(body["sha256"])

        def add() -> None:
            self.seal, self.sealed_at = value, seq

        return add
