"""A section for each benchmark: what it measures, what it does not, charts and the tables behind them."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.anchors import anchor
from auditkit.render.view.cases import CaseView, cases
from auditkit.render.view.facts import Fact, Link
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.metrics import MetricView, metric_view
from auditkit.render.view.names import joined, spaced
from auditkit.render.view.section import Section
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count, share
from auditkit.schema import Benchmark, Estimate, EstimateId


@dataclass(frozen=True)
class Area:
    """One benchmark."""

    anchor: str
    title: str
    name: str
    measures: str
    limits: str
    facts: tuple[Fact, ...]
    metrics: tuple[MetricView, ...]
    origin: tuple[Fact, ...]
    """Licence, source and citation."""
    cases: tuple[CaseView, ...]
    more: tuple[CaseView, ...]
    """Cited for a part of the rows only, and not explained: shown folded."""
    more_title: str
    evidence: str
    """What the audit keeps of cited samples' texts, in words; empty where it keeps all of it."""


def areas(index: AuditIndex) -> tuple[Area, ...]:
    """The benchmarks in the audit's order; one that has estimates and no card comes last."""
    cards = {card.name: card for card in index.audit.benchmarks}
    members: dict[str, dict[EstimateId, list[Estimate]]] = {name: {} for name in cards}
    for estimate in index.audit.estimates:
        if not estimate.id.variant:  # variants are shown in the section of robustness runs
            metrics = members.setdefault(estimate.id.benchmark, {})
            metrics.setdefault(estimate.id.over_all_rows, []).append(estimate)
    return tuple(_area(name, cards.get(name), list(metrics.values()), index) for name, metrics in members.items())


def _area(name: str, card: Benchmark | None, metrics: list[list[Estimate]], index: AuditIndex) -> Area:
    cited = cases(name, index)
    more = tuple(case for case in cited if not case.first)
    kept = index.audit.config.evidence
    return Area(
        anchor=anchor("area", name),
        title=card.title if card else spaced(name),
        name=name,
        measures=card.measures if card else say("areas.no_card.measures"),
        limits=card.limits if card else say("areas.no_card.limits"),
        facts=_facts(card, name, index),
        metrics=tuple(metric_view(estimates, index) for estimates in metrics),
        origin=_origin(card),
        cases=tuple(case for case in cited if case.first),
        more=more,
        more_title=say("areas.more_cases", n=count(len(more))),
        evidence="" if kept == "full" else say("areas.evidence", kept=kept),
    )


def _links(view: tuple[Area, ...]) -> tuple[Link, ...]:
    return tuple(Link("#" + area.anchor, area.title) for area in view)


section = Section("areas", 200, areas, "areas.html.j2", links=_links)


def _facts(card: Benchmark | None, name: str, index: AuditIndex) -> tuple[Fact, ...]:
    audit = index.audit
    facts = []
    if name in audit.sampled:
        rows, total = audit.sampled[name]
        text = say("areas.rows_of", n=count(rows), total=count(total), share=share(rows, total))
        facts.append(Fact(say("areas.fact.rows"), text))
    if card is not None:
        facts += [
            Fact(say("areas.fact.version"), str(card.version)),
            Fact(say("areas.fact.language"), card.language),
            Fact(say("areas.fact.clusters"), joined(card.clusters)),
        ]
    if name in audit.rules:
        facts.append(Fact(say("areas.fact.rule"), spaced(audit.rules[name])))
    return tuple(facts)


def _origin(card: Benchmark | None) -> tuple[Fact, ...]:
    if card is None:
        return ()
    return (
        Fact(say("areas.fact.licence"), card.license),
        Fact(say("areas.fact.source"), card.source),
        Fact(say("areas.fact.citation"), card.citation),
    )
