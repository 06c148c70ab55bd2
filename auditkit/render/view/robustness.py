"""Robustness runs: what other prompt formats and perturbed copies of the same samples change."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from auditkit.render.view.findings import Link, estimate_anchor
from auditkit.render.view.index import Index
from auditkit.render.words.numbers import count, level, limit, scale_of
from auditkit.render.words.wording import capital, humane, scale_sentence, status_word, unscored_words
from auditkit.schema import FORMAT, Config, Estimate, EstimateId, Status

LEGEND = {
    "formats": "another prompt format with the same fields (the clean samples have format 1)",
    "typos": "typing errors inside words, {rate} for each letter",
    "case": "words in capitals",
    "punctuation": "a space before marks inside the text, and none at its end",
}


@dataclass(frozen=True)
class VariantRow:
    """One metric on one variant, beside the clean samples."""

    anchor: str
    difference_anchor: str
    label: str
    value: str
    interval: str
    n: str
    difference: str
    """Variant minus clean over the samples that both scored; `none` where the metric is no mean."""
    difference_interval: str
    pairs: str
    unscored: str
    status: Status | None
    """Of a policy's check on the variant or its difference."""
    word: str
    limit: str


@dataclass(frozen=True)
class Varied:
    """One metric on one arm and all its variants."""

    title: str
    code: str
    scale: str
    clean: Link
    """The clean value with its interval."""
    n: str
    level: str
    rows: tuple[VariantRow, ...]
    spread: str
    """Median and range over the formats; empty without formats."""


@dataclass(frozen=True)
class Robustness:
    """The whole section."""

    legend: tuple[str, ...]
    tables: tuple[Varied, ...]
    without: tuple[str, ...]
    """Audited packs that have no variants."""
    unchanged: tuple[str, ...]
    """Packs with a perturbation that changed none of their texts."""


def robustness(ix: Index) -> Robustness | None:
    """The section's data; `None` where the audit holds no variants and asked for none."""
    audit = ix.audit
    arms: dict[EstimateId, list[Estimate]] = {}
    for estimate in audit.estimates:
        if estimate.id.variant and estimate.id.pooled:
            arms.setdefault(estimate.id.clean, []).append(estimate)
    if not arms and not audit.config.robustness:
        return None
    varied = {clean.benchmark for clean in arms}
    measured = {(estimate.id.benchmark, estimate.id.variant) for members in arms.values() for estimate in members}
    kinds = [kind for kind in audit.config.robustness if kind != "formats"]
    return Robustness(
        legend=tuple(_legend(kind, audit.config) for kind in audit.config.robustness),
        tables=tuple(_varied(ix.estimates[name], members, ix) for name, members in arms.items()),
        without=tuple(card.name for card in audit.benchmarks if card.name not in varied),
        unchanged=tuple(
            f"{card.name}: {kind}" for card in audit.benchmarks if card.name in varied for kind in kinds
            if (card.name, kind) not in measured
        ),
    )


def _legend(kind: str, config: Config) -> str:
    return f"{kind}: {LEGEND[kind].format(rate=f'{config.typo_rate:g}')}"


def _varied(clean: Estimate, members: list[Estimate], ix: Index) -> Varied:
    scale = scale_of(clean)
    arm = "" if clean.id.arm == "all" else f", {humane(clean.id.arm)} arm"
    shown = f"{scale.full(clean.value)} {scale.interval(clean.low, clean.high)}"
    return Varied(
        title=f"{clean.id.benchmark}: {capital(humane(clean.id.metric))}{arm}",
        code=clean.id.in_benchmark,
        scale=scale_sentence(clean),
        clean=Link("#" + estimate_anchor(clean), shown),
        n=count(clean.n),
        level=level(clean.level),
        rows=tuple(_row(one, ix) for one in members),
        spread=_spread(clean, [one for one in members if one.id.variant.startswith(FORMAT)]),
    )


def _row(estimate: Estimate, ix: Index) -> VariantRow:
    scale = scale_of(estimate)
    change = ix.estimates.get(estimate.id.model_copy(update={"contrast": "difference"}))
    bounded = [(ix.findings[one.id], one) for one in (estimate, change) if one is not None and one.id in ix.findings]
    by = scale_of(change) if change is not None else scale
    return VariantRow(
        anchor=estimate_anchor(estimate),
        difference_anchor=estimate_anchor(change) if change is not None else "",
        label=estimate.id.variant.replace("-", " "),
        value=scale.full(estimate.value),
        interval=scale.interval(estimate.low, estimate.high),
        n=count(estimate.n),
        difference=by.full(change.value) if change is not None else "none",
        difference_interval=by.interval(change.low, change.high) if change is not None else "–",
        pairs=count(change.n) if change is not None else "–",
        unscored=unscored_words(estimate.unscored),
        status=bounded[0][0].status if bounded else None,
        word=status_word(bounded[0][0]) if bounded else "no check",
        limit=limit(bounded[0][0].check, bounded[0][1]) if bounded else "",
    )


def _spread(clean: Estimate, formats: list[Estimate]) -> str:
    """Median and range of the values over all formats, the clean one among them."""
    values = [one.value for one in (clean, *formats) if one.value is not None]
    if not formats or not values:
        return ""
    scale = scale_of(clean)
    undefined = 1 + len(formats) - len(values)
    more = f" ({count(undefined)} undefined)" if undefined else ""
    return (
        f"Over {count(1 + len(formats))} formats{more}: median {scale.full(median(values))}, "
        f"from {scale.full(min(values))} to {scale.full(max(values))}."
    )
