"""Robustness runs: what other prompt formats and perturbed copies of the same samples change."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from auditkit.render.view.anchors import estimate_anchor
from auditkit.render.view.facts import Link
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import capital, check_word, spaced, unscored_words, with_arm
from auditkit.render.view.section import Section
from auditkit.render.view.values import limit, scale_of, scale_sentence, value_and_interval
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import DASH, count, level, number
from auditkit.schema import FORMAT, Config, Estimate, EstimateId, Status


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
    """Variant minus clean over the samples that both scored; `none` where the metric is not a mean."""
    difference_interval: str
    pairs: str
    unscored: str
    status: Status | None
    """Of a policy's check on the variant or its difference."""
    word: str
    limit: str


@dataclass(frozen=True)
class VariantTable:
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
    tables: tuple[VariantTable, ...]
    without: tuple[str, ...]
    """Audited packs that have no variants."""
    unchanged: tuple[str, ...]
    """Packs with a perturbation that changed none of their texts."""


def robustness(index: AuditIndex) -> Robustness | None:
    """The section's data; `None` where the audit holds no variants and asked for none."""
    audit = index.audit
    variants: dict[EstimateId, list[Estimate]] = {}
    for estimate in audit.estimates:
        if estimate.id.variant and estimate.id.pooled:
            variants.setdefault(estimate.id.clean, []).append(estimate)
    if not variants and not audit.config.robustness:
        return None
    packs = {clean.benchmark for clean in variants}
    asked = {(clean.benchmark, estimate.id.variant) for clean, members in variants.items() for estimate in members}
    kinds = [kind for kind in audit.config.robustness if kind != "formats"]
    return Robustness(
        legend=tuple(_legend(kind, audit.config) for kind in audit.config.robustness),
        tables=tuple(_table(index.estimates[name], members, index) for name, members in variants.items()),
        without=tuple(card.name for card in audit.benchmarks if card.name not in packs),
        unchanged=tuple(
            say("robustness.pack_and_kind", pack=card.name, kind=kind)
            for card in audit.benchmarks if card.name in packs for kind in kinds
            if (card.name, kind) not in asked
        ),
    )


section = Section("robustness", 300, robustness, "robustness.html.j2")


def _legend(kind: str, config: Config) -> str:
    return say(f"robustness.legend.{kind}", kind=kind, rate=number(config.typo_rate))


def _table(clean: Estimate, members: list[Estimate], index: AuditIndex) -> VariantTable:
    metric = with_arm(capital(spaced(clean.id.metric)), clean.id.arm)
    return VariantTable(
        title=say("terms.estimate", benchmark=clean.id.benchmark, metric=metric),
        code=clean.id.in_benchmark,
        scale=scale_sentence(clean),
        clean=Link("#" + estimate_anchor(clean), value_and_interval(clean)),
        n=count(clean.n),
        level=level(clean.level),
        rows=tuple(_row(estimate, index) for estimate in members),
        spread=_spread(clean, [estimate for estimate in members if estimate.id.variant.startswith(FORMAT)]),
    )


def _row(estimate: Estimate, index: AuditIndex) -> VariantRow:
    scale = scale_of(estimate)
    change = index.estimates.get(estimate.id.model_copy(update={"contrast": "difference"}))
    checked = next(
        (item for item in (estimate, change) if item is not None and item.id in index.findings), None
    )
    finding = None if checked is None else index.findings[checked.id]
    return VariantRow(
        anchor=estimate_anchor(estimate),
        difference_anchor=estimate_anchor(change) if change is not None else "",
        label=estimate.id.variant.replace("-", " "),
        value=scale.full(estimate.value),
        interval=scale.interval(estimate.low, estimate.high),
        n=count(estimate.n),
        difference=say("robustness.no_difference") if change is None else scale_of(change).full(change.value),
        difference_interval=DASH if change is None else scale_of(change).interval(change.low, change.high),
        pairs=DASH if change is None else count(change.n),
        unscored=unscored_words(estimate.unscored),
        status=None if finding is None else finding.status,
        word=check_word(finding),
        limit="" if finding is None else limit(finding.check, checked),
    )


def _spread(clean: Estimate, formats: list[Estimate]) -> str:
    """Median and range of the values over all formats, the clean one among them."""
    values = [estimate.value for estimate in (clean, *formats) if estimate.value is not None]
    if not formats or not values:
        return ""
    scale = scale_of(clean)
    undefined = 1 + len(formats) - len(values)
    return say(
        "robustness.spread.undefined" if undefined else "robustness.spread", formats=count(1 + len(formats)),
        undefined=count(undefined), median=scale.full(median(values)), low=scale.full(min(values)),
        high=scale.full(max(values)),
    )
