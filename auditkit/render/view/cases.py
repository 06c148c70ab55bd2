"""Cited samples: what was asked, what the model answered, and what moved its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.anchors import case_anchor
from auditkit.render.view.answer import AnswerView, answer_view
from auditkit.render.view.attributions import AttributionView, attribution_view, is_attention
from auditkit.render.view.facts import Fact, Link
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import part_of, spaced, with_bare_arm
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count
from auditkit.schema import Estimate, EstimateId, Evidence, FreeText, Output, Sample

_ROLES = ("extreme", "typical", "unscored")


@dataclass(frozen=True)
class CaseView:
    """One cited sample."""

    anchor: str
    id: str
    first: bool
    """Whether it is explained, or cited by an estimate over all rows, or the twin of such a sample."""
    why: tuple[str, ...]
    """Which estimates cite it, and as what."""
    facts: tuple[Fact, ...]
    fields: tuple[Fact, ...]
    answer: AnswerView
    error: str
    readings: tuple[Fact, ...]
    """Metric to the answer as it read it."""
    attributions: tuple[AttributionView, ...]
    not_explained: str
    twins: tuple[Link, ...]


def cases(benchmark: str, index: AuditIndex) -> tuple[CaseView, ...]:
    """The cited samples of one benchmark: twins together, by origin and id."""
    evidence = index.audit.evidence
    names = [name for name in evidence if evidence[name].sample.benchmark == benchmark]
    names.sort(key=lambda name: (evidence[name].sample.origin, name))
    return tuple(_case(name, evidence[name], index, benchmark) for name in names)


def _case(name: str, item: Evidence, index: AuditIndex, benchmark: str) -> CaseView:
    sample, output, audit = item.sample, item.output, index.audit
    estimates = [estimate for estimate in audit.estimates if estimate.id.benchmark == benchmark]
    explained = [item for item in audit.attributions if item.sample_id == name and not is_attention(item)]
    twins = sorted(
        other
        for other, twin in audit.evidence.items()
        if other != name and twin.sample.origin == sample.origin and twin.sample.benchmark == benchmark
    )
    has_attribution = {item.sample_id for item in audit.attributions}
    return CaseView(
        anchor=case_anchor(name),
        id=name,
        first=any(_headline(other, estimates) or other in has_attribution for other in (name, *twins)),
        why=_why(name, estimates),
        facts=_facts(sample, output),
        fields=tuple(Fact(key, value) for key, value in sample.input.items()),
        answer=answer_view(item),
        error=(output.error if output else None) or audit.errors.get(name, ""),
        readings=tuple(
            Fact(spaced(metric), answer or say("cases.no_answer")) for metric, answer in sorted(item.answers.items())
        ),
        attributions=tuple(attribution_view(attribution, sample) for attribution in explained),
        not_explained=audit.not_explained.get(name, ""),
        twins=tuple(Link("#" + case_anchor(other), other) for other in twins),
    )


def _why(sample_id: str, estimates: Sequence[Estimate]) -> tuple[str, ...]:
    """`stereotype score: extreme in all rows, axis age; typical in valence positive`, one text a metric."""
    cited: dict[EstimateId, dict[str, list[str]]] = {}
    for estimate in estimates:
        for role in _ROLES:
            if sample_id in getattr(estimate.cited, role):
                roles = cited.setdefault(estimate.id.over_all_rows, {})
                roles.setdefault(role, []).append(part_of(estimate.id))
    texts = []
    for name, roles in cited.items():
        places = "; ".join(say(f"cases.cited.{role}", parts=", ".join(parts)) for role, parts in roles.items())
        texts.append(say("cases.why", metric=with_bare_arm(spaced(name.metric), name.arm), places=places))
    return tuple(texts) or (say("cases.cited"),)


def _headline(sample_id: str, estimates: Sequence[Estimate]) -> bool:
    """Whether an estimate over all rows, of which there are few, cites the sample."""
    return any(
        sample_id in getattr(estimate.cited, role)
        for estimate in estimates
        if estimate.id.pooled
        for role in _ROLES
    )


def _facts(sample: Sample, output: Output | None) -> tuple[Fact, ...]:
    facts = [Fact(say("cases.fact.arm"), spaced(sample.arm)), Fact(say("cases.fact.origin"), sample.origin)]
    facts += [Fact(key, value) for key, value in sorted(sample.groups.items())]
    facts += [Fact(say("cases.fact.cluster", factor=key), value) for key, value in sorted(sample.clusters.items())]
    facts += [Fact(key, str(value)) for key, value in sorted(sample.metadata.items()) if value is not None]
    row = say("cases.row", file=sample.source.file, line=str(sample.source.line))
    facts.append(Fact(say("cases.fact.row"), row))
    if output is not None and output.truncated:
        facts.append(Fact(say("cases.fact.truncated"), say("cases.truncated", n=count(output.truncated))))
    if output is not None and isinstance(output.answer, FreeText) and output.answer.repaired:
        facts.append(Fact(say("cases.fact.repaired"), say("cases.repaired")))
    return tuple(facts)
