"""The one way to make a number: `assemble(journal) -> Audit`, a pure function.

`audit` fills the journal and writes what this returns; `verify` calls it again and compares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.judge.findings import judge
from auditkit.judge.rules import rule_words
from auditkit.judge.threshold import Basis
from auditkit.judge.verdict import decide
from auditkit.measure.measurement import measure
from auditkit.measure.robustness import measure_variants
from auditkit.pipeline.selftest import selftest
from auditkit.pipeline.steps.evidence import cited_evidence, kept_attributions, kept_reasons
from auditkit.schema import (
    Audit,
    Benchmark,
    Estimate,
    Finding,
    Output,
    Policy,
    Request,
    Sample,
    Score,
    SelfTestReading,
)
from auditkit.schema.journal import Header
from auditkit.store.records import JournalRecords
from auditkit.store.samples import samples_sha256

MOST_ERRORS = 200
"""How many errored samples are listed; all are counted."""


@dataclass(frozen=True)
class Assembled:
    """An audit and the scores that it is made of."""

    audit: Audit
    samples: tuple[Sample, ...]
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Answered:
    """The samples of one pack with what was asked and answered, by sample id."""

    card: Benchmark
    samples: tuple[Sample, ...]
    requests: Mapping[str, Request]
    outputs: Mapping[str, Output | None]


def assemble(records: JournalRecords, today: dt.date) -> Assembled:
    """Recompute an audit from its journal, without the model.

    Args:
        records: what the journal holds.
        today: the day on which waivers are judged.
    """
    header = records.header
    packs = answered(records)
    estimates: list[Estimate] = []
    scores: list[Score] = []
    readings: list[SelfTestReading] = []
    for pack in packs:
        for measuring in (measure, measure_variants):
            measured = measuring(
                pack.card, pack.samples, pack.outputs, level=0.95, seed=header.config.seed,
                signature_extra=_signature(header, pack.card),
            )
            estimates += measured.estimates
            scores += measured.scores
        readings += selftest(pack.card, pack.samples, pack.requests, seed=header.config.seed)
    findings = judge_estimates(header.policy, estimates, header.not_applicable, readings, today)
    pairs = [(sample, pack.outputs[sample.id]) for pack in packs for sample in pack.samples]
    errors = {sample.id: output.error for sample, output in pairs if output is not None and output.error is not None}
    samples = tuple(sample for sample, _ in pairs)
    wanted = to_explain(header, estimates)
    keep, by_id = header.config.evidence, {sample.id: sample for sample in samples}
    not_explained = {name: reason for name, reason in records.not_explained.items() if name in wanted}
    audit = Audit(
        subject=header.subject, environment=header.environment, config=header.config, policy=header.policy,
        benchmarks=header.cards, rules=header.rules, sampled=header.sampled, not_applicable=header.not_applicable,
        estimates=tuple(estimates), findings=findings, rule_words=rule_words(header.policy),
        attributions=kept_attributions(records.attributions, wanted, keep),
        not_explained=kept_reasons(not_explained, by_id, keep),
        evidence=cited_evidence(pairs, estimates, scores, keep),
        errors=kept_reasons(dict(sorted(errors.items())[:MOST_ERRORS]), by_id, keep), errored=len(errors),
        selftest=tuple(readings),
        samples_sha256=samples_sha256(samples, scores), verdict=decide(findings, header.policy),
    )
    return Assembled(audit=audit.sealed(), samples=samples, scores=tuple(scores))


def to_explain(header: Header, estimates: Sequence[Estimate]) -> dict[str, int]:
    """The samples to explain: the most extreme ones that the pooled estimates of blocking checks cite.

    A retried error may move what is cited; what the journal holds of samples no longer cited is then left out.

    Returns:
        Sample id to its rank: by pack, then by id.
    """
    most = header.config.explain.samples
    blocking = [check for check in header.policy.checks if check.severity == "block"]
    headline = {check.estimate.over_all_rows for check in blocking}
    place = {card.name: number for number, card in enumerate(header.cards)}
    found = {
        (place[estimate.id.benchmark], name)
        for estimate in estimates if estimate.id in headline
        for name in estimate.cited.extreme[:most]
    }
    return {name: rank for rank, (_, name) in enumerate(sorted(found))}


def judge_estimates(
    policy: Policy, estimates: Sequence[Estimate], not_applicable: Mapping[str, str],
    readings: Sequence[SelfTestReading], today: dt.date,
) -> tuple[Finding, ...]:
    """Findings of a policy on estimates."""
    basis = Basis(
        estimates={estimate.id: estimate for estimate in estimates}, not_applicable=not_applicable,
        selftest=tuple(readings),
    )
    return judge(policy, basis, today)


def answered(records: JournalRecords) -> list[Answered]:
    """The journal's samples, requests and outputs, by pack, sorted by sample id."""
    request_of = {sample: records.requests[sha] for sha, askers in records.askers.items() for sample in askers}
    packs = []
    for card in records.header.cards:
        samples = tuple(sorted((s for s in records.samples if s.benchmark == card.name), key=lambda s: s.id))
        requests = {sample.id: request_of[sample.id] for sample in samples if sample.id in request_of}
        outputs = {
            sample.id: records.outputs.get(requests[sample.id].sha256) if sample.id in requests else None
            for sample in samples
        }
        packs.append(Answered(card=card, samples=samples, requests=requests, outputs=outputs))
    return packs


def _signature(header: Header, card: Benchmark) -> dict[str, str]:
    rows, total = header.sampled[card.name]
    return {"rule": header.rules[card.name], "sample": f"{rows} of {total} rows, seed {header.config.seed}"}


