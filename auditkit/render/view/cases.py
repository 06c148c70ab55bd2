"""Cited samples: what was asked, what the model answered, and what moved its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.render.view.findings import Fact, Link, case_anchor
from auditkit.render.view.index import Index
from auditkit.render.words.numbers import NATS, PERCENT, count, number
from auditkit.render.words.safety import anchor
from auditkit.render.words.wording import RELIABILITY, humane, part
from auditkit.schema import Attribution, Estimate, EstimateId, Evidence, OptionScore, Output, Sample

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
class OptionView:
    """One option and how the model scored it."""

    text: str
    label: str
    group: str
    total: str
    """Log-likelihood in nats, or a probability."""
    per_token: str
    tokens: str
    picked: bool
    """Whether it scored best."""
    target: bool


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
    options: tuple[OptionView, ...]
    has_scores: bool
    unit: str
    """What `total` is: a log-likelihood, or a probability."""
    answer: str
    """Free text; empty where there is none."""
    error: str
    answers: tuple[Fact, ...]
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


def _best(scores: Sequence[OptionScore], rule: str) -> int | None:
    """The option that scored best under the rule's normaliser; `None` on a tie."""
    values = [_normalised(score, rule) for score in scores]
    top = max(values, default=0.0)
    return values.index(top) if values.count(top) == 1 else None


def _normalised(score: OptionScore, rule: str) -> float:
    if rule.endswith("_per_token"):
        return score.sum / max(score.tokens, 1)
    return score.sum / max(score.bytes, 1) if rule.endswith("_per_byte") else score.sum


def _options(sample: Sample, output: Output | None) -> tuple[OptionView, ...]:
    scores = output.options if output and output.options and len(output.options) == len(sample.choices) else None
    probabilities = (output.probabilities if output else None) or {}
    best = _best(scores, output.rule) if scores and output else None
    top = max(probabilities, key=lambda key: probabilities[key]) if probabilities else None
    views = []
    for number_, choice in enumerate(sample.choices):
        score = scores[number_] if scores else None
        chance = probabilities.get(choice.label)
        views.append(
            OptionView(
                text=choice.text,
                label=choice.label,
                group=choice.group or "–",
                total=NATS.bare(score.sum) if score else "–" if chance is None else PERCENT.full(chance),
                per_token=NATS.bare(score.sum / max(score.tokens, 1)) if score else "–",
                tokens=count(score.tokens) if score else "–",
                picked=best == number_ or (top is not None and top == choice.label),
                target=sample.target is not None and sample.target == choice.label,
            )
        )
    return tuple(views)


def _why(sample_id: str, estimates: Sequence[Estimate]) -> tuple[str, ...]:
    """`stereotype score: extreme in all rows, axis age; typical in valence positive`, one text a metric."""
    cited: dict[EstimateId, dict[str, list[str]]] = {}
    for estimate in estimates:
        for role in _ROLES:
            if sample_id in getattr(estimate.cited, role):
                cited.setdefault(estimate.id.over_all_rows, {}).setdefault(role, []).append(part(estimate.id))
    return tuple(
        f"{humane(name.metric)}{'' if name.arm == 'all' else ', ' + humane(name.arm)}: "
        + "; ".join(f"{role} in {', '.join(places)}" for role, places in roles.items())
        for name, roles in cited.items()
    )


def _headline(sample_id: str, estimates: Sequence[Estimate]) -> bool:
    """Whether an estimate over all rows, of which there are few, cites the sample."""
    return any(
        sample_id in getattr(estimate.cited, role)
        for estimate in estimates
        if estimate.id.pooled
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
    if output is not None and output.repaired:
        facts.append(Fact("Repaired", "the answer held invalid Unicode, replaced by U+FFFD"))
    return tuple(facts)


def _case(name: str, item: Evidence, ix: Index, benchmark: str) -> CaseView:
    sample, output, audit = item.sample, item.output, ix.audit
    own = [estimate for estimate in audit.estimates if estimate.id.benchmark == benchmark]
    explained = [one for one in audit.attributions if one.sample_id == name and not is_attention(one)]
    twins = sorted(
        other
        for other, twin in audit.evidence.items()
        if other != name and twin.sample.origin == sample.origin and twin.sample.benchmark == benchmark
    )
    options = _options(sample, output)
    has_probabilities = output is not None and output.probabilities is not None
    return CaseView(
        anchor=case_anchor(name),
        id=name,
        first=any(
            _headline(one, own) or any(item.sample_id == one for item in audit.attributions) for one in (name, *twins)
        ),
        why=_why(name, own),
        facts=_case_facts(sample, output),
        fields=tuple(Fact(key, value) for key, value in sample.input.items()),
        options=options,
        has_scores=any(option.total != "–" for option in options),
        unit="Probability" if has_probabilities else "Log-likelihood",
        answer=(output.text if output else None) or "",
        error=(output.error if output else None) or audit.errors.get(name, ""),
        answers=tuple(Fact(humane(key), value or "no answer read") for key, value in sorted(item.answers.items())),
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
