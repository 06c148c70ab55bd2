"""The one way to make a number: `assemble(journal) -> Audit`, a pure function.

`audit` fills the journal and writes what this returns; `verify` calls it again and compares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from auditkit.errors import RecordError
from auditkit.judge.rules import rule_words
from auditkit.measure.measurement import measure
from auditkit.measure.robustness import measure_variants
from auditkit.pipeline.around.collection import rare_collection
from auditkit.pipeline.steps.answers import PackAnswers, answers_by_pack
from auditkit.pipeline.steps.cited import samples_to_explain
from auditkit.pipeline.steps.evidence import (
    cited_evidence,
    kept_attributions,
    kept_reasons,
    kept_samples,
    kept_scores,
    kept_targets,
)
from auditkit.pipeline.steps.judgement import judge_estimates
from auditkit.pipeline.steps.selftest import selftest
from auditkit.schema import Audit, Benchmark, Estimate, Score, SelfTestReading
from auditkit.schema.journal import Header
from auditkit.store.records import JournalRecords
from auditkit.store.samples import ScoreRows

_AGAIN = "the run was not finished, or lines were taken out of it; give the audit command again"
MOST_ERRORS = 200
"""How many errored samples are listed; all are counted."""


@dataclass(frozen=True)
class ScoredAudit:
    """An audit and the scores that it is made of."""

    audit: Audit
    rows: ScoreRows


@dataclass
class _Measurements:
    """What was measured of all packs so far."""

    estimates: list[Estimate] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    readings: list[SelfTestReading] = field(default_factory=list)

    def add(self, pack: PackAnswers, header: Header) -> None:
        """Measure a pack and its variants, and read its metrics on planted models."""
        seed = header.config.seed
        for measuring in (measure, measure_variants):
            measured = measuring(
                pack.card, pack.samples, pack.outputs, level=0.95, seed=seed,
                signature_extra=_signature(header, pack.card),
            )
            self.estimates += measured.estimates
            self.scores += measured.scores
        self.readings += selftest(pack.card, pack.samples, pack.requests, seed=seed)


@rare_collection()
def assemble(records: JournalRecords, today: dt.date) -> ScoredAudit:
    """Recompute an audit from its journal, without the model.

    Args:
        records: what the journal holds.
        today: the day on which waivers are judged.

    Raises:
        RecordError: lines are missing that every finished run has.
    """
    header = records.header
    packs = answers_by_pack(records)
    _refuse_gaps(header, packs)
    measurements = _Measurements()
    for pack in packs:
        measurements.add(pack, header)
    estimates, scores, readings = measurements.estimates, measurements.scores, measurements.readings
    findings, verdict = judge_estimates(
        header.policy, estimates, readings, today, cards=header.cards, declared=header.declared,
        not_applicable=header.not_applicable, left_out=header.left_out,
    )
    pairs = [(sample, pack.outputs[sample.id]) for pack in packs for sample in pack.samples]
    errors = {sample.id: output.error for sample, output in pairs if output is not None and output.error is not None}
    # how much of rows and answers is kept is decided before anything is hashed
    detail, by_id = header.config.evidence, {sample.id: sample for sample, _ in pairs}
    labels = {label for sample, _ in pairs for label in sample.labels}
    rows = ScoreRows(
        kept_samples(by_id.values(), detail), kept_scores(scores, labels, detail),
        kept_targets(by_id.values(), detail),
    )
    cited = samples_to_explain(header, estimates)
    not_explained = {sample: reason for sample, reason in records.not_explained.items() if sample in cited}
    audit = Audit(
        subject=header.subject, environment=header.environment, config=header.config, policy=header.policy,
        benchmarks=header.cards, rules=header.rules, sampled=header.sampled, not_applicable=header.not_applicable,
        left_out=header.left_out, declared=header.declared, estimates=tuple(estimates), findings=findings,
        rule_words=rule_words(header.policy),
        attributions=kept_attributions(records.attributions, cited, detail),
        not_explained=kept_reasons(not_explained, by_id, detail),
        evidence=cited_evidence(pairs, estimates, scores, detail),
        errors=kept_reasons(dict(sorted(errors.items())[:MOST_ERRORS]), by_id, detail), errored=len(errors),
        cut=_cut(packs),
        selftest=tuple(readings),
        samples_sha256=rows.sha256, verdict=verdict,
    )
    return ScoredAudit(audit=audit.sealed(), rows=rows)


def _refuse_gaps(header: Header, packs: Sequence[PackAnswers]) -> None:
    """Refuse a journal that lacks what every finished run has: it was cut, or made by someone else."""
    for pack in packs:
        name = pack.card.name
        if name not in header.rules or name not in header.sampled:
            raise RecordError(f'journal: the header does not say how "{name}" was asked; {_AGAIN}')
        unasked = next((sample.id for sample in pack.samples if sample.id not in pack.requests), None)
        if unasked is not None:
            raise RecordError(f'journal: no request asks the sample "{unasked}"; {_AGAIN}')


def _signature(header: Header, card: Benchmark) -> dict[str, str]:
    rows, total = header.sampled[card.name]
    return {"rule": header.rules[card.name], "sample": f"{rows} of {total} rows, seed {header.config.seed}"}


def _cut(packs: Sequence[PackAnswers]) -> dict[str, int]:
    """Samples whose prompt was cut, by pack; packs without any are left out."""
    counts = {
        pack.card.name: sum(output is not None and output.truncated > 0 for output in pack.outputs.values())
        for pack in packs
    }
    return {name: count for name, count in counts.items() if count}
