"""The section of cost: time, memory, requests, and what one needs to choose between models."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.facts import Fact
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.methods import named
from auditkit.render.view.names import capital
from auditkit.render.view.section import Section
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import DASH, PERCENT, count, duration, number, seconds, share, size
from auditkit.schema import Audit, Efficiency, Observed


@dataclass(frozen=True)
class EfficiencyView:
    """What one needs to choose between models."""

    facts: tuple[Fact, ...]
    """None where no model ran, or an earlier version audited."""
    note: str
    """How latency was measured; empty where it was not."""


@dataclass(frozen=True)
class CostView:
    """What the run took."""

    observed: bool
    """Whether anything was recorded."""
    facts: tuple[Fact, ...]
    stages: tuple[tuple[str, str, str], ...]
    """Stage, time, share of the wall time."""
    efficiency: EfficiencyView
    host: tuple[Fact, ...]


def cost(index: AuditIndex) -> CostView:
    """What was observed while the audit ran."""
    observed = index.audit.observed
    if observed is None:
        return CostView(False, (), (), EfficiencyView((), ""), ())
    return CostView(True, _facts(observed), _stages(observed), efficiency(index.audit), named(observed.host))


section = Section("cost", 800, cost, "cost.html.j2")


def _facts(observed: Observed) -> tuple[Fact, ...]:
    memory = observed.peak_memory_bytes
    hits = say("cost.hits", n=count(observed.cache_hits), share=share(observed.cache_hits, observed.requests))
    return (
        Fact(say("cost.fact.wall"), seconds(observed.seconds)),
        Fact(say("cost.fact.model"), seconds(observed.model_seconds)),
        Fact(say("cost.fact.memory"), say("terms.not_recorded") if memory is None else size(memory)),
        Fact(say("cost.fact.requests"), count(observed.requests)),
        Fact(say("cost.fact.cache"), hits),
        Fact(say("cost.fact.before"), _answers_before(observed)),
        Fact(say("cost.fact.tokens"), count(observed.model_tokens)),
    )


def _answers_before(observed: Observed) -> str:
    """How many answers the last process found in the folder, as a share of the requests."""
    number = observed.answers_before
    if number is None:
        return say("terms.not_recorded")
    return say("cost.hits", n=count(number), share=share(number, observed.requests))


def _stages(observed: Observed) -> tuple[tuple[str, str, str], ...]:
    total = observed.seconds
    return tuple(
        (capital(name), seconds(spent), PERCENT.full(spent / total, 0) if total > 0 else DASH)
        for name, spent in observed.stages.items()
    )


def efficiency(audit: Audit) -> EfficiencyView:
    """Size, speed and price of the model, as observed."""
    observed, subject = audit.observed, audit.subject
    ran = None if observed is None else observed.efficiency
    if observed is None or ran is None:
        return EfficiencyView((), "")
    facts = []
    if subject.parameters is not None:
        facts.append(Fact(say("cost.fact.parameters"), count(subject.parameters)))
    if ran.disk_bytes is not None:
        facts.append(Fact(say("cost.fact.disk"), size(ran.disk_bytes)))
    if subject.kind != "api" and observed.peak_memory_bytes is not None:
        facts.append(Fact(say("cost.fact.memory"), say("cost.memory", size=size(observed.peak_memory_bytes))))
    if ran.peak_device_bytes is not None:
        facts.append(Fact(say("cost.fact.gpu_memory"), size(ran.peak_device_bytes)))
    facts += [
        Fact(say("cost.fact.load"), duration(ran.load_seconds)),
        Fact(say("cost.fact.throughput"), _throughput(ran)),
        Fact(say("cost.fact.latency_median"), duration(ran.latency_median)),
        Fact(say("cost.fact.latency_p95"), duration(ran.latency_p95)),
        Fact(say("cost.fact.answers"), say("cost.answers", n=count(ran.answers))),
    ]
    note = "" if ran.latency is None else say(f"cost.latency.{ran.latency}")
    return EfficiencyView((*facts, *_price(ran)), note)


def _throughput(ran: Efficiency) -> str:
    if ran.tokens_per_second is None:
        return say("numbers.not_measured")
    return say("cost.tokens_per_second", number=number(ran.tokens_per_second))


def _price(ran: Efficiency) -> tuple[Fact, ...]:
    if ran.price_input is None and ran.price_output is None:
        return ()
    prices = say("cost.prices", input=number(ran.price_input or 0.0), output=number(ran.price_output or 0.0))
    if ran.cost is None:
        return (Fact(say("cost.fact.price"), say("cost.price_unknown", prices=prices)),)
    tokens = {"read": count(ran.input_tokens), "written": count(ran.output_tokens)}
    return (Fact(say("cost.fact.price"), say("cost.price", cost=number(ran.cost), prices=prices, **tokens)),)
