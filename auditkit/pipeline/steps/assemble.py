"""The one way to make a number: `assemble(journal) -> Audit`, a pure function.

`audit` fills the journal and writes what this returns; `verify` calls it again and compares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditkit.errors import RegistryError
from auditkit.judge.findings import judge
from auditkit.judge.threshold import Evidence as Judged
from auditkit.judge.threshold import Guard
from auditkit.judge.verdict import decide
from auditkit.measure.measurement import measure
from auditkit.measure.robustness import measure_variants
from auditkit.pipeline.selftest import selftest
from auditkit.registry import get
from auditkit.schema import (
    Attribution,
    Audit,
    Benchmark,
    Config,
    Estimate,
    Evidence,
    Output,
    Policy,
    Request,
    Sample,
    Score,
    SelfTestReading,
    digest,
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
    errors = {
        sample.id: output.error
        for pack in packs for sample in pack.samples
        if (output := pack.outputs[sample.id]) is not None and output.error is not None
    }
    samples = tuple(sample for pack in packs for sample in pack.samples)
    wanted = to_explain(header, estimates)
    audit = Audit(
        subject=header.subject, environment=header.environment, config=header.config, policy=header.policy,
        benchmarks=header.cards, rules=header.rules, sampled=header.sampled, not_applicable=header.not_applicable,
        estimates=tuple(estimates), findings=findings,
        attributions=_attributions(header.config, records, wanted),
        not_explained={name: reason for name, reason in records.not_explained.items() if name in wanted},
        evidence=_evidence(header.config, packs, estimates, scores),
        errors=dict(sorted(errors.items())[:MOST_ERRORS]), errored=len(errors), selftest=tuple(readings),
        samples_sha256=samples_sha256(samples, scores), verdict=decide(findings, header.policy),
    )
    return Assembled(audit=audit.sealed(), samples=samples, scores=tuple(scores))


def _attributions(config: Config, records: JournalRecords, wanted: Mapping[str, int]) -> tuple[Attribution, ...]:
    """Attributions of the samples to explain, by rank; their texts as far as the configuration lets the audit keep."""
    if config.evidence == "none":
        return ()
    found = sorted((one for one in records.attributions if one.sample_id in wanted), key=lambda x: wanted[x.sample_id])
    if config.evidence == "full":
        return tuple(found)
    return tuple(
        one.model_copy(update={
            "tokens": tuple(digest(token)[:8] for token in one.tokens),
            "words": tuple(digest(word)[:8] for word in one.words),
        })
        for one in found
    )


def to_explain(header: Header, estimates: Sequence[Estimate]) -> dict[str, int]:
    """The samples to explain: the most extreme ones that the pooled estimates of blocking checks cite.

    A retried error may move what is cited; what the journal holds of samples no longer cited is then left out.

    Returns:
        Sample id to its rank: by pack, then by id.
    """
    most = header.config.explain.samples
    blocking = [check for check in header.policy.checks if check.severity == "block"]
    headline = {(check.benchmark, check.metric, check.arm) for check in blocking}
    place = {card.name: number for number, card in enumerate(header.cards)}
    found = {
        (place[estimate.benchmark], name)
        for estimate in estimates
        if (estimate.benchmark, estimate.metric, estimate.arm) in headline
        and not (estimate.slice or estimate.axis or estimate.group or estimate.contrast)
        for name in estimate.cited.extreme[:most]
    }
    return {name: rank for rank, (_, name) in enumerate(sorted(found))}


def judge_estimates(
    policy: Policy, estimates: Sequence[Estimate], not_applicable: Mapping[str, str],
    readings: Sequence[SelfTestReading], today: dt.date,
) -> tuple[Any, ...]:
    """Findings of a policy on estimates, with the guards that the metrics name."""
    evidence = Judged(
        estimates={estimate.id: estimate for estimate in estimates}, not_applicable=not_applicable,
        selftest=tuple(readings), guards=_guards(estimates),
    )
    return judge(policy, evidence, today)


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


def _guards(estimates: Sequence[Estimate]) -> dict[str, Guard]:
    guards: dict[str, Guard] = {}
    for name in {estimate.metric for estimate in estimates}:
        try:
            requires = get("metric", name).requires
        except RegistryError:
            continue
        if requires is not None:
            guards[name] = requires
    return guards


def _evidence(
    config: Config, packs: Sequence[Answered], estimates: Sequence[Estimate], scores: Sequence[Score]
) -> dict[str, Evidence]:
    """Cited samples with the model's answers, as much as the configuration lets the audit keep."""
    if config.evidence == "none":
        return {}
    cited = {
        name for estimate in estimates
        for name in (*estimate.cited.extreme, *estimate.cited.typical, *estimate.cited.unscored)
    }
    answers: dict[str, dict[str, str | None]] = {}
    for score in scores:
        if score.sample_id in cited:
            answers.setdefault(score.sample_id, {})[score.metric] = score.answer
    kept = {}
    for pack in packs:
        for sample in pack.samples:
            if sample.id in cited:
                output = pack.outputs[sample.id]
                found = Evidence(sample=sample, output=output, answers=answers.get(sample.id, {}))
                kept[sample.id] = found if config.evidence == "full" else _hashed(found)
    return dict(sorted(kept.items()))


def _hashed(evidence: Evidence) -> Evidence:
    """Texts replaced by their hashes, for audits whose rows must not be shown."""
    sample = evidence.sample
    choices = tuple(choice.model_copy(update={"text": digest(choice.text)}) for choice in sample.choices)
    hidden: dict[str, Any] = {
        "choices": choices, "input": {name: digest(text) for name, text in sample.input.items()},
        "words": tuple(digest(word) for word in sample.words),
    }
    answers = evidence.answers
    if not choices:  # then the right answers are texts, and no names of classes
        hidden["references"] = tuple(digest(text) for text in sample.references)
        hidden["target"] = None if sample.target is None else digest(sample.target)
        answers = {name: None if answer is None else digest(answer) for name, answer in answers.items()}
    output = evidence.output
    if output is not None and output.text is not None:
        output = output.model_copy(update={"text": digest(output.text)})
    if output is not None and output.span is not None:
        output = output.model_copy(update={"span": output.span.model_copy(update={"text": digest(output.span.text)})})
    return Evidence(sample=sample.model_copy(update=hidden), output=output, answers=answers)
