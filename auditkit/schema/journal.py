"""What the lines of a journal say: one record a kind of line.

A kind more is a record more in `ENTRIES`, and what `store.records` does with it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from auditkit.schema.attribution import Attribution
from auditkit.schema.audit import Subject
from auditkit.schema.base import Record
from auditkit.schema.benchmark import Benchmark
from auditkit.schema.config import Config
from auditkit.schema.declared import DeclaredMetric
from auditkit.schema.output import Output
from auditkit.schema.policy import Policy
from auditkit.schema.request import Request
from auditkit.schema.sample import Sample

Seconds = Annotated[float, AfterValidator(lambda seconds: round(seconds, 6)), Field(ge=0)]
"""A duration, to the microsecond."""


class Header(Record):
    """The first line: everything that decides the numbers, besides the model's answers."""

    config: Config
    """The settings that belong to the audit (`Config.identity`)."""
    policy: Policy
    """The policy that judges it."""
    cards: tuple[Benchmark, ...] = ()
    """Cards of the packs that the model can answer."""
    rules: dict[str, str] = Field(default_factory=dict)
    """Benchmark to scoring rule."""
    sampled: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Benchmark to (rows audited, rows in the pack)."""
    not_applicable: dict[str, str] = Field(default_factory=dict)
    """Pack to the reason why this model cannot answer it."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Pack to the reason why the user's settings leave it out, though the model could answer it."""
    declared: tuple[DeclaredMetric, ...] = ()
    """What the cards of all packs declare and their rows hold, audited or not: what checks can be about."""
    subject: Subject
    """The audited model."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Library to version, Python, platform."""


class SampleEntry(Record):
    """A sample with content, target and groups: `verify` needs no pack."""

    sample: Sample
    """The sample as it is asked."""


class RequestEntry(Record):
    """A request, and who asked it. A second line of the same request adds samples."""

    request: Request
    """Its hash is what outputs name."""
    samples: tuple[str, ...]
    """Ids of the samples that asked it."""


class OutputEntry(Record):
    """An answer and what it took. The last one of a request counts."""

    output: Output
    """The answer."""
    seconds: Seconds
    """Its share of the time in which the model worked; 0 from the cache."""
    cached: bool
    """Whether it came from the cache."""
    latency: Seconds | None = None
    """From sending to answer, where requests were in flight together."""


class PlanEntry(Record):
    """The batches of a round: two runs with the same plan do the same arithmetic."""

    sha256: str
    """Hash of the batches' request hashes, in order."""
    round: int
    """The round, from 0."""
    batches: int
    """How many batches."""
    requests: int
    """How many requests."""
    retry: bool = False
    """A second try of errored requests, beside the round's own plan."""


class AttributionEntry(Record):
    """One explanation."""

    attribution: Attribution
    """The explanation."""


class NotExplainedEntry(Record):
    """A cited sample that has no attribution."""

    sample: str
    """Id of the sample."""
    reason: str
    """Why."""


class SealEntry(Record):
    """The finished audit; the last seal counts."""

    sha256: str
    """sha256 of the bytes of `audit.json`; never the reverse."""


Entry = (
    Header | SampleEntry | RequestEntry | OutputEntry | PlanEntry | AttributionEntry | NotExplainedEntry | SealEntry
)
"""The body of any line."""

ENTRIES: dict[str, type[Entry]] = {
    "header": Header, "sample": SampleEntry, "request": RequestEntry, "output": OutputEntry, "plan": PlanEntry,
    "attribution": AttributionEntry, "not_explained": NotExplainedEntry, "seal": SealEntry,
}
"""`kind` of a line to the record in its `body`."""
