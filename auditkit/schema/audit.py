"""The result of an audit: one record that holds everything but the per-sample scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from auditkit.schema.answer import AnswerReading, Probabilities
from auditkit.schema.attribution import Attribution
from auditkit.schema.base import Record, plain
from auditkit.schema.benchmark import Benchmark
from auditkit.schema.config import Config
from auditkit.schema.declared import DeclaredMetric
from auditkit.schema.estimate import Estimate, Reason
from auditkit.schema.finding import Finding, SelfTestReading, Verdict
from auditkit.schema.jcs import digest
from auditkit.schema.notebook import MOST_ROWS, html_lead, html_table
from auditkit.schema.output import Output
from auditkit.schema.policy import Policy
from auditkit.schema.rule import RuleText
from auditkit.schema.sample import Sample

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2
"""Raised with every change of a record; `store.upgrades` then holds a step from the version before."""


class Subject(Record):
    """Exactly one model, as it was loaded."""

    name: str
    """As the user wrote it."""
    kind: str
    """Adapter family: causal, masked, classifier, tagger, span, embedder, planted …"""
    fingerprint: str
    """sha256 over weights, tokenizer, chat template, load options and the adapter's source."""
    parts: dict[str, str] = Field(default_factory=dict)
    """Signature's subject half: what the fingerprint is made of, each named."""
    parameters: int | None = None
    """Number of weights."""
    dtype: str | None = None
    """Number format of the weights, e.g. `float32`."""
    device: str | None = None
    """Where it ran, e.g. `cpu`."""


class Evidence(Record):
    """A cited sample with the model's answer."""

    sample: Sample
    """The sample as it was asked."""
    output: Output | None = None
    """The model's answer; `None` where it was not run."""
    reading: AnswerReading | None = None
    """How a written answer was read, by patterns; what scores say follows from the output."""
    answers: dict[str, str | None] = Field(default_factory=dict)
    """Metric to the answer as parsed."""

    def read(self) -> AnswerReading:
        """Which choice the model's answer names, as every metric read it."""
        if self.output is None:
            return AnswerReading(reason="not_run")
        return self.output.read(self.sample.labels) or self.reading or AnswerReading()

    def several_classes(self) -> frozenset[str] | None:
        """Every class that the answer names, where any number may be true of the sample; `None` elsewhere."""
        output = self.output
        if output is None or output.rule != "probabilities" or not self.sample.several:
            return None
        return output.answer.likely() if isinstance(output.answer, Probabilities) else None

    def picked(self) -> tuple[bool, ...]:
        """Of each choice of the sample, in order, whether it is the model's answer, or one of them."""
        classes, reading = self.several_classes(), self.read()
        if classes is not None:
            return tuple(label in classes for label in self.sample.labels)
        return tuple(place in reading.options for place in range(len(self.sample.choices)))

    def unread(self) -> Reason | None:
        """Why none of the choices is the model's answer, though it answered; `None` where nothing was to be chosen."""
        reason = self.read().reason
        chosen = reason in ("errored", "not_run") or self.several_classes() is not None
        return None if chosen or not self.sample.choices else reason


class Efficiency(Record):
    """What one needs to choose between models. It depends on the machine, its load and the batches, and gates nothing.

    Only answers that the model gave in this run count, not those from the cache.
    """

    disk_bytes: int | None = None
    """Size of the weight files as the user has them; `None` behind an endpoint."""
    peak_device_bytes: int | None = None
    """Most memory allocated on CUDA devices; `None` where there is none."""
    load_seconds: float | None = None
    """From the model's name to a model that can answer; checking and hashing of its files included."""
    answers: int = 0
    """Answers that were timed."""
    input_tokens: int = 0
    """Tokens read for them, as the tokenizer or the endpoint counts."""
    output_tokens: int = 0
    """Tokens written for them."""
    tokens_per_second: float | None = None
    """Tokens read and written by the time in which the model worked: throughput, whatever ran beside."""
    latency: Literal["batch", "request"] | None = None
    """`batch`: a batch's time divided evenly among its requests; `request`: from sending to answer, retries and waits
    included, while others were in flight."""
    latency_median: float | None = None
    """Seconds a request."""
    latency_p95: float | None = None
    """Seconds that 95 % of the requests did not exceed."""
    price_input: float | None = None
    """Price of a million tokens read, as configured."""
    price_output: float | None = None
    """Price of a million tokens written, as configured."""
    cost: float | None = None
    """In the prices' currency; retries and probes are not in it. `None` without prices, or where the endpoint did not
    count the tokens of every answer."""


class Observed(Record):
    """What differs between two runs of the same audit; outside the audit's hash."""

    started: str
    """UTC, ISO 8601."""
    finished: str
    """UTC, ISO 8601; waivers are judged on this day."""
    seconds: float
    """Wall time of the process that finished the audit."""
    stages: dict[str, float] = Field(default_factory=dict)
    """Stage to seconds."""
    peak_memory_bytes: int | None = None
    """Largest resident memory of the process; `None` where the system does not tell."""
    host: dict[str, str] = Field(default_factory=dict)
    """CPU count, machine type, and how the model read texts (`reading`: shared beginnings once, or each by itself)."""
    executor: str = "local"
    """Who answered for the process that finished the audit: local, api, or ray with its workers and threads."""
    requests: int = 0
    """Different requests of the audit."""
    cache_hits: int = 0
    """Answers that came from the cache."""
    answers_before: int | None = None
    """Answers that the run folder held before the command that finished the audit; `None` in audits before 0.1."""
    model_tokens: int = 0
    """Tokens that the model read and wrote."""
    model_seconds: float = 0.0
    """Time that the model took for its answers, in all processes of an interrupted audit; none for cached ones."""
    efficiency: Efficiency | None = None
    """What the model costs to run; `None` for planted models, saved predictions, and audits that came before it."""


class Audit(Record):
    """The whole result; pages, Markdown, JUnit and SARIF are pure functions of it."""

    schema_version: int = SCHEMA_VERSION
    """Version of this record; a newer one is refused, an older one upgraded."""
    id: str = ""
    """sha256 of all but `id` and `observed`."""
    subject: Subject
    """The audited model."""
    environment: dict[str, str]
    """Library to version, Python, platform."""
    config: Config
    """The settings of the audit."""
    policy: Policy
    """The policy that judged it."""
    benchmarks: tuple[Benchmark, ...]
    """Cards of the packs that were run."""
    rules: dict[str, str] = Field(default_factory=dict)
    """Benchmark to the scoring rule used."""
    sampled: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Benchmark to (rows audited, rows in the pack)."""
    not_applicable: dict[str, str] = Field(default_factory=dict)
    """Pack to the reason why this model cannot answer it."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Pack to the reason why the user's settings leave it out, though the model could answer it."""
    declared: tuple[DeclaredMetric, ...] = ()
    """What the cards of all packs declare and their rows hold, audited or not: what checks can be about."""
    estimates: tuple[Estimate, ...]
    """Everything that was measured."""
    findings: tuple[Finding, ...]
    """One for each check of the policy."""
    rule_words: dict[str, dict[str, RuleText]] = Field(default_factory=dict)
    """Words of the rules that plugins brought, by code and language: a page needs no plugin."""
    attributions: tuple[Attribution, ...] = ()
    """Explanations of cited samples."""
    not_explained: dict[str, str] = Field(default_factory=dict)
    """Cited sample to the reason why it has no attribution."""
    evidence: dict[str, Evidence] = Field(default_factory=dict)
    """Cited samples by id."""
    errors: dict[str, str] = Field(default_factory=dict)
    """Sample to the error of its request (the first 200, by id)."""
    errored: int = 0
    """How many samples errored in all."""
    cut: dict[str, int] = Field(default_factory=dict)
    """Benchmark to how many samples the model did not read whole, whether or not their answers count."""
    selftest: tuple[SelfTestReading, ...] = ()
    """What the metrics read on planted models, on this audit's own rows."""
    samples_sha256: str = ""
    """Hash of the canonical rows of samples.parquet."""
    verdict: Verdict
    """The decision."""
    observed: Observed | None = None
    """Times, durations and memory; outside `id`."""

    def sealed(self) -> Audit:
        """The same audit with its `id` computed."""
        body = plain(self)
        body.pop("observed")
        body.pop("id")
        return self.model_copy(update={"id": digest(body)})

    def _repr_html_(self) -> str:
        """As a notebook shows it: the model, the decision, and estimates, of all rows before those of parts."""
        verdict = self.verdict
        rows = [
            estimate.cells for estimate in sorted(self.estimates, key=lambda item: not item.id.pooled)
            if estimate.value is not None
        ][:MOST_ROWS]
        more = len(self.estimates) - len(rows)
        decision = f"{verdict.status}, exit code {verdict.exit_code}, policy {verdict.policy}"
        rest = html_lead(f"and {more} more", ".to_frame() holds them all") if more else ""
        return html_lead(self.subject.name, decision) + html_table(rows) + rest

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate: what it is of, value, interval, worst-case interval, n, clusters, unscored."""
        import pandas as pd

        rows = [
            {
                "id": str(e.id), "benchmark": e.id.benchmark, "metric": e.id.metric, "arm": e.id.arm,
                "variant": e.id.variant,
                "slice": ", ".join(f"{key}={value}" for key, value in sorted(e.id.slice.items())),
                "axis": e.id.axis, "group": e.id.group, "contrast": e.id.contrast,
                "value": e.value, "low": e.low, "high": e.high,
                "worst_low": e.at_lowest_fill.low, "worst_high": e.at_highest_fill.high,
                "level": e.level, "method": e.method, "n": e.n, "clusters": e.clusters,
                "unscored": sum(e.unscored.values()),
            }
            for e in self.estimates
        ]
        return pd.DataFrame(rows)
