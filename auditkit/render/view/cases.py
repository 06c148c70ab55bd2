"""Cited samples: what was asked, what the model answered, and what moved its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.answer import AnswerView, answer_view
from auditkit.render.view.findings import Fact, Link, case_anchor
from auditkit.render.view.index import Index
from auditkit.render.words.numbers import NATS, PERCENT, count, number
from auditkit.render.words.safety import anchor
from auditkit.render.words.wording import RELIABILITY, humane, part
from auditkit.schema import Attribution, Estimate, Evidence, FreeText, Output, Sample

LEVELS = 5
"""Steps of colour on each side of 0."""
_ROLES = ("extreme", "typical", "unscored")


@dataclass(frozen=True)
class Token:
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
    tokens: tuple[Token, ...]
    words: tuple[Token, ...]
    facts: tuple[Fact, ...]
    reliable: bool
    reliability: str


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


def is_attention(attribution: Attribution) -> bool:
    """Whether it is a view of attention weights, which describe and do not explain."""
    return any(word in attribution.method for word in ("attention", "rollout"))


def _shown(token: str) -> str:
    """Tokenizer marks for a leading space and a newline, undone."""
    return token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "⏎\n")


def _tokens(texts: Sequence[str], scores: Sequence[float], special: Sequence[bool]) -> tuple[Token, ...]:
    plain = [abs(score) for score, skip in zip(scores, special, strict=True) if not skip]
    top = max(plain, default=0.0)
    made = []
    for text, score, skip in zip(texts, scores, special, strict=True):
        step = 0 if top == 0 else min(LEVELS, round(LEVELS * abs(score) / top))
        css = "special" if skip else "z" if step == 0 else f"{'p' if score > 0 else 'n'}{step}"
        made.append(Token(_shown(text), css, NATS.bare(score)))
    return tuple(made)


def _attribution_facts(item: Attribution) -> tuple[Fact, ...]:
    gap = item.score - item.baseline_score
    error = f"{number(item.convergence_delta)} nats"
    if item.relative_delta is not None:
        error += f" ({PERCENT.full(item.relative_delta)} of the absolute sum)"
    facts = [
        Fact("Score explained", f"{NATS.bare(item.score)} nats"),
        Fact("At the baseline", f"{NATS.bare(item.baseline_score)} nats, so there are {NATS.bare(gap)} to explain"),
        Fact("Completeness error", error),
        Fact("Baseline", item.baseline),
    ]
    if item.second_baseline is not None:
        agreement = "not known" if item.agreement is None else NATS.bare(item.agreement)
        facts.append(Fact("Second baseline", f"{item.second_baseline}; rank agreement of the words {agreement}"))
    facts += [
        Fact("Steps", count(item.steps)),
        Fact("Explained − served score", f"{number(item.served_difference)} nats"),
    ]
    if item.special_share is not None:
        facts.append(Fact("On special tokens", f"{PERCENT.full(item.special_share)} of the absolute sum"))
    return (*facts, Fact("Arithmetic", f"{item.dtype}, attention {item.attention}"))


def _side(item: Attribution, sample: Sample | None) -> str:
    """Which option an attribution explains, in words."""

    def name(number_: int) -> str:
        """The option by number, from 1, and label."""
        choices = sample.choices if sample else ()
        return f"option {number_ + 1}" + (f" ({choices[number_].label})" if number_ < len(choices) else "")

    return name(item.option).capitalize() + ("" if item.against is None else f" rather than {name(item.against)}")


def attribution_view(item: Attribution, sample: Sample | None) -> AttributionView:
    """One attribution, ready to draw."""
    return AttributionView(
        anchor=anchor("attribution", f"{item.sample_id} {item.option} {item.against} {item.method} {item.request}"),
        heading=_side(item, sample),
        method=humane(item.method),
        target=item.target,
        tokens=_tokens(item.tokens, item.token_scores, item.special),
        words=_tokens(item.words, item.word_scores, [False] * len(item.words)),
        facts=_attribution_facts(item),
        reliable=item.reliability == "valid",
        reliability=RELIABILITY[item.reliability],
    )


def _why(sample_id: str, estimates: Sequence[Estimate]) -> tuple[str, ...]:
    """`stereotype score: extreme in all rows, axis age; typical in valence positive`, one text a metric."""
    cited: dict[tuple[str, str], dict[str, list[str]]] = {}
    for estimate in estimates:
        for role in _ROLES:
            if sample_id in getattr(estimate.cited, role):
                where = part(estimate.slice, estimate.axis, estimate.group, estimate.contrast)
                roles = cited.setdefault((estimate.metric, estimate.arm), {})
                roles.setdefault(role, []).append(where)
    return tuple(
        f"{humane(metric)}{'' if arm == 'all' else ', ' + humane(arm)}: "
        + "; ".join(f"{role} in {', '.join(places)}" for role, places in roles.items())
        for (metric, arm), roles in cited.items()
    )


def _headline(sample_id: str, estimates: Sequence[Estimate]) -> bool:
    """Whether an estimate over all rows, of which there are few, cites the sample."""
    return any(
        sample_id in getattr(estimate.cited, role)
        for estimate in estimates
        if not estimate.slice and estimate.axis is None
        for role in _ROLES
    )


def _case_facts(sample: Sample, output: Output | None) -> tuple[Fact, ...]:
    facts = [Fact("Arm", humane(sample.arm)), Fact("Origin", sample.origin)]
    facts += [Fact(key, value) for key, value in sorted(sample.groups.items())]
    facts += [Fact(f"Cluster: {key}", value) for key, value in sorted(sample.clusters.items())]
    facts += [Fact(key, str(value)) for key, value in sorted(sample.metadata.items()) if value is not None]
    facts.append(Fact("Row", f"{sample.source.file}, line {sample.source.line}"))
    if output is not None and output.truncated:
        facts.append(Fact("Truncated", f"{count(output.truncated)} tokens were cut off on the left"))
    if output is not None and isinstance(output.answer, FreeText) and output.answer.repaired:
        facts.append(Fact("Repaired", "the answer held invalid Unicode, replaced by U+FFFD"))
    return tuple(facts)


def _case(name: str, item: Evidence, ix: Index, benchmark: str) -> CaseView:
    sample, output, audit = item.sample, item.output, ix.audit
    own = [estimate for estimate in audit.estimates if estimate.benchmark == benchmark]
    explained = [one for one in audit.attributions if one.sample_id == name and not is_attention(one)]
    twins = sorted(
        other
        for other, twin in audit.evidence.items()
        if other != name and twin.sample.origin == sample.origin and twin.sample.benchmark == benchmark
    )
    return CaseView(
        anchor=case_anchor(name),
        id=name,
        first=any(
            _headline(one, own) or any(item.sample_id == one for item in audit.attributions) for one in (name, *twins)
        ),
        why=_why(name, own),
        facts=_case_facts(sample, output),
        fields=tuple(Fact(key, value) for key, value in sample.input.items()),
        answer=answer_view(item),
        error=(output.error if output else None) or audit.errors.get(name, ""),
        readings=tuple(Fact(humane(key), value or "no answer read") for key, value in sorted(item.answers.items())),
        attributions=tuple(attribution_view(one, sample) for one in explained),
        not_explained=audit.not_explained.get(name, ""),
        twins=tuple(Link("#" + case_anchor(other), other) for other in twins),
    )


def cases(benchmark: str, ix: Index) -> tuple[CaseView, ...]:
    """The cited samples of one benchmark: twins together, by origin and id."""
    evidence = ix.audit.evidence
    names = [name for name in evidence if evidence[name].sample.benchmark == benchmark]
    names.sort(key=lambda name: (evidence[name].sample.origin, name))
    return tuple(_case(name, evidence[name], ix, benchmark) for name in names)


def attention_views(ix: Index) -> tuple[tuple[str, AttributionView], ...]:
    """Views of attention, each with the id of its sample."""
    evidence = ix.audit.evidence
    return tuple(
        (one.sample_id, attribution_view(one, evidence[one.sample_id].sample if one.sample_id in evidence else None))
        for one in ix.audit.attributions
        if is_attention(one)
    )
