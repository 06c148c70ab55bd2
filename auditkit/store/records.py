"""What the lines of a journal add up to."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from auditkit.schema import Attribution, Output, Request, Sample
from auditkit.schema.journal import (
    AttributionEntry,
    Entry,
    Header,
    NotExplainedEntry,
    OutputEntry,
    PlanEntry,
    RequestEntry,
    SampleEntry,
    SealEntry,
)
from auditkit.store.lines import LineFault
from auditkit.store.packed import PackedRecords


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A journalled plan, and where it stands."""

    plan: PlanEntry
    line: int
    """Line number in the journal."""


@dataclass(frozen=True, slots=True)
class JournalRecords:
    """Everything a journal holds."""

    header: Header
    samples: tuple[Sample, ...]
    """In the order journalled."""
    requests: Mapping[str, Request]
    """sha256 to request; requests and outputs are made into objects each time they are asked for."""
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
    """Seconds of each answer that did not come from the cache, as journalled: its own latency, else its share."""

    @property
    def cached(self) -> int:
        """How many answers came from the cache."""
        return len(self.from_cache)

    def plan_of(self, number: int) -> PlanLine | None:
        """The last plan of a round; `None` where the round was not planned yet."""
        return next((line for line in reversed(self.plans) if _is_of(line, number)), None)

    def answered_before(self, number: int, sha: str) -> bool:
        """Whether a request was answered before a round was first planned: a cache hit, or in an earlier round."""
        first = next((line.line for line in self.plans if _is_of(line, number)), self.lines + 1)
        return self.first_answer.get(sha, first) < first


def _is_of(line: PlanLine, number: int) -> bool:
    """Whether a plan is a round's own, and not that of a second try."""
    return line.plan.round == number and not line.plan.retry


@dataclass(slots=True)
class Fold:
    """Adds up lines, those read and those written alike."""

    header: Header | None = None
    samples: dict[str, Sample] = field(default_factory=dict)
    requests: dict[str, bytes] = field(default_factory=dict)
    """sha256 to the body of its first line, as JSON."""
    askers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    """sha256 of the request to the body of its last answer, as JSON."""
    cached: set[str] = field(default_factory=set)
    plans: list[PlanLine] = field(default_factory=list)
    attributions: list[Attribution] = field(default_factory=list)
    not_explained: dict[str, str] = field(default_factory=dict)
    seal: str | None = None
    sealed_at: int = 0
    lines: int = 0
    seconds: float = 0.0
    first_answer: dict[str, int] = field(default_factory=dict)
    latencies: array[float] = field(default_factory=lambda: array("d"))

    def check(self, entry: Entry, seq: int) -> None:
        """Check that an entry may follow what is there.

        Raises:
            LineFault: it may not.
        """
        if isinstance(entry, Header) != (seq == 1):
            raise LineFault(seq, "the first line, and no other, must be the header")
        if isinstance(entry, SampleEntry) and self.samples.get(entry.sample.id, entry.sample) != entry.sample:
            raise LineFault(seq, f"sample {entry.sample.id} stands twice, with other content")

    def add(self, entry: Entry, body: bytes, seq: int) -> None:
        """Add a checked entry.

        Args:
            entry: what the line says.
            body: the same as JSON.
            seq: the line's number.
        """
        match entry:
            case Header():
                self.header = entry
            case SampleEntry():
                self.samples[entry.sample.id] = entry.sample
            case RequestEntry():
                self._add_request(entry, body)
            case OutputEntry():
                self._add_output(entry, body, seq)
            case PlanEntry():
                self.plans.append(PlanLine(entry, seq))
            case AttributionEntry():
                self.attributions.append(entry.attribution)
            case NotExplainedEntry():
                self.not_explained[entry.sample] = entry.reason
            case SealEntry():
                self.seal, self.sealed_at = entry.sha256, seq
        self.lines = seq

    def _add_request(self, entry: RequestEntry, body: bytes) -> None:
        sha = entry.request.sha256
        self.requests.setdefault(sha, body)
        self.askers[sha] = tuple(dict.fromkeys((*self.askers.get(sha, ()), *entry.samples)))

    def _add_output(self, entry: OutputEntry, body: bytes, seq: int) -> None:
        sha = entry.output.request
        self.outputs[sha] = body
        self.first_answer.setdefault(sha, seq)
        if entry.cached:
            self.cached.add(sha)
            return
        self.cached.discard(sha)
        self.seconds += entry.seconds
        if entry.output.error is None:
            self.latencies.append(entry.seconds if entry.latency is None else entry.latency)

    def snapshot(self) -> JournalRecords:
        """The records so far; lines added later do not change them."""
        assert self.header is not None
        return JournalRecords(
            header=self.header,
            samples=tuple(self.samples.values()),
            requests=PackedRecords(dict(self.requests), _request),
            askers=dict(self.askers),
            outputs=PackedRecords(dict(self.outputs), _output),
            from_cache=frozenset(self.cached),
            plans=tuple(self.plans),
            attributions=tuple(self.attributions),
            not_explained=dict(self.not_explained),
            seal=self.seal,
            after_seal=self.lines - self.sealed_at if self.seal else 0,
            lines=self.lines,
            seconds=self.seconds,
            first_answer=dict(self.first_answer),
            latencies=self.latencies[:],
        )


def _request(body: bytes) -> Request:
    return RequestEntry.model_validate_json(body).request


def _output(body: bytes) -> Output:
    return OutputEntry.model_validate_json(body).output
