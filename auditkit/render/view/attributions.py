"""Attributions and views of attention, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.anchors import anchor
from auditkit.render.view.facts import Fact
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import capital, spaced
from auditkit.render.view.section import Section
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import NATS, PERCENT, count, number
from auditkit.schema import Attribution, Sample

LEVELS = 5
"""Steps of colour on each side of 0."""


@dataclass(frozen=True)
class TokenView:
    """One token with its attribution."""

    text: str
    css: str
    """`p1` … `p5` raise the score, `n1` … `n5` lower it, `z` does neither, `special` is a special token."""
    score: str


@dataclass(frozen=True)
class AttributionView:
    """What moved one option's score."""

    anchor: str
    heading: str
    """Which option."""
    method: str
    target: str
    tokens: tuple[TokenView, ...]
    words: tuple[TokenView, ...]
    facts: tuple[Fact, ...]
    reliable: bool
    reliability: str


def is_attention(attribution: Attribution) -> bool:
    """Whether it is a view of attention weights, which describe and do not explain."""
    return any(name in attribution.method for name in ("attention", "rollout"))


def attribution_view(item: Attribution, sample: Sample | None) -> AttributionView:
    """One attribution, ready to draw."""
    return AttributionView(
        anchor=anchor("attribution", f"{item.sample_id} {item.option} {item.against} {item.method} {item.request}"),
        heading=_heading(item, sample),
        method=spaced(item.method),
        target=item.target,
        tokens=_tokens(item.tokens, item.token_scores, item.special),
        words=_tokens(item.words, item.word_scores, [False] * len(item.words)),
        facts=_facts(item),
        reliable=item.reliability == "valid",
        reliability=reliability(item),
    )


def reliability(item: Attribution) -> str:
    """What the checks of the attribution showed, in words."""
    return say(f"attributions.reliability.{item.reliability}")


def attention(index: AuditIndex) -> tuple[tuple[str, AttributionView], ...] | None:
    """Views of attention, each with the id of its sample; `None` where there are none."""
    evidence = index.audit.evidence
    items = [item for item in index.audit.attributions if is_attention(item)]
    samples = [evidence[item.sample_id].sample if item.sample_id in evidence else None for item in items]
    views = zip(items, samples, strict=True)
    return tuple((item.sample_id, attribution_view(item, sample)) for item, sample in views) or None


section = Section("attention", 400, attention, "attention.html.j2")


def _readable(token: str) -> str:
    """Tokenizer marks for a leading space and a newline, undone."""
    return token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "⏎\n")


def _tokens(texts: Sequence[str], scores: Sequence[float], special: Sequence[bool]) -> tuple[TokenView, ...]:
    plain = [abs(score) for score, skip in zip(scores, special, strict=True) if not skip]
    top = max(plain, default=0.0)
    tokens = []
    for text, score, skip in zip(texts, scores, special, strict=True):
        step = 0 if top == 0 else min(LEVELS, round(LEVELS * abs(score) / top))
        css = "special" if skip else "z" if step == 0 else f"{'p' if score > 0 else 'n'}{step}"
        tokens.append(TokenView(_readable(text), css, NATS.bare(score)))
    return tuple(tokens)


def _facts(item: Attribution) -> tuple[Fact, ...]:
    gap = item.score - item.baseline_score
    baseline = say("attributions.at_baseline", nats=_nats(item.baseline_score), gap=NATS.bare(gap))
    facts = [
        Fact(say("attributions.fact.score"), _nats(item.score)),
        Fact(say("attributions.fact.at_baseline"), baseline),
        Fact(say("attributions.fact.completeness"), _completeness(item)),
        Fact(say("attributions.fact.baseline"), item.baseline),
    ]
    if item.second_baseline is not None:
        unknown = item.agreement is None
        agreement = say("attributions.agreement_unknown") if unknown else NATS.bare(item.agreement)
        text = say("attributions.second_baseline", baseline=item.second_baseline, agreement=agreement)
        facts.append(Fact(say("attributions.fact.second_baseline"), text))
    facts += [
        Fact(say("attributions.fact.steps"), count(item.steps)),
        Fact(say("attributions.fact.served"), say("attributions.nats", number=number(item.served_difference))),
    ]
    if item.special_share is not None:
        text = say("attributions.of_absolute_sum", share=PERCENT.full(item.special_share))
        facts.append(Fact(say("attributions.fact.special"), text))
    arithmetic = say("attributions.arithmetic", dtype=item.dtype, attention=item.attention)
    return (*facts, Fact(say("attributions.fact.arithmetic"), arithmetic))


def _nats(value: float) -> str:
    return say("attributions.nats", number=NATS.bare(value))


def _completeness(item: Attribution) -> str:
    error = say("attributions.nats", number=number(item.convergence_delta))
    if item.relative_delta is None:
        return error
    return say("attributions.relative_error", error=error, share=PERCENT.full(item.relative_delta))


def _heading(item: Attribution, sample: Sample | None) -> str:
    """Which option an attribution explains, in words."""
    option = capital(_option(item.option, sample))
    if item.against is None:
        return option
    return say("attributions.rather_than", option=option, other=_option(item.against, sample))


def _option(index: int, sample: Sample | None) -> str:
    """The option by number, from 1, and label."""
    choices = sample.choices if sample else ()
    if index >= len(choices):
        return say("attributions.option", number=str(index + 1))
    return say("attributions.option_labelled", number=str(index + 1), label=choices[index].label)
