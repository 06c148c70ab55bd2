"""A section for each benchmark: what it measures, what it does not, charts and the tables behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from auditkit.render.draw.charts import Chart, Line, chart
from auditkit.render.view.cases import CaseView, cases
from auditkit.render.view.findings import Fact, estimate_anchor
from auditkit.render.view.index import Index
from auditkit.render.words.numbers import count, level, limit, scale_of, share, widened
from auditkit.render.words.safety import anchor
from auditkit.render.words.wording import CONTRAST, capital, humane, part, scale_sentence, status_word, unscored_words
from auditkit.schema import Benchmark, Estimate, EstimateId, Status

LONG = 12
"""Tables and group charts with more rows than this are folded."""


@dataclass(frozen=True)
class Row:
    """One estimate in a table."""

    anchor: str
    label: str
    value: str
    interval: str
    worst: str
    """The worst-case interval; `same` where it is the interval."""
    n: str
    clusters: str
    unscored: str
    method: str
    status: Status | None
    word: str
    limit: str
    strong: bool


@dataclass(frozen=True)
class Panel:
    """Rows of a table that belong together, as in the charts."""

    heading: str
    """Empty for all rows together."""
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Family:
    """One metric on one arm: pooled, by slice and by group."""

    anchor: str
    title: str
    code: str
    """`metric@arm`, as in an estimate's id."""
    scale: str
    headline: tuple[Fact, ...]
    charts: tuple[Chart, ...]
    """All rows, slices and contrasts."""
    groups: tuple[Chart, ...]
    """A chart an axis."""
    groups_title: str
    """`44 groups of 8 axes`."""
    groups_folded: bool
    panels: tuple[Panel, ...]
    size: str
    """How many estimates the table holds, in words."""
    folded: bool
    """Whether the table is long enough to be closed at first."""
    level: str


@dataclass(frozen=True)
class Area:
    """One benchmark."""

    anchor: str
    title: str
    name: str
    measures: str
    limits: str
    facts: tuple[Fact, ...]
    families: tuple[Family, ...]
    origin: tuple[Fact, ...]
    """Licence, source and citation."""
    cases: tuple[CaseView, ...]
    more: tuple[CaseView, ...]
    """Cited for a part of the rows only, and not explained: shown folded."""


def label(estimate: Estimate) -> str:
    """The estimate's name beside others of its panel: the group, the contrast's axis, or the slice's value."""
    name = estimate.id
    if name.group is not None:
        return name.group
    if name.axis is not None:
        return name.axis
    if len(name.slice) == 1:
        return next(iter(name.slice.values()))
    return capital(part(name))


def _row(estimate: Estimate, ix: Index) -> Row:
    scale = scale_of(estimate)
    finding = ix.findings.get(estimate.id)
    return Row(
        anchor=estimate_anchor(estimate),
        label=label(estimate),
        value=scale.full(estimate.value),
        interval=scale.interval(estimate.low, estimate.high),
        worst=scale.interval(*estimate.worst_case) if widened(estimate) else "same",
        n=count(estimate.n),
        clusters=count(estimate.clusters),
        unscored=unscored_words(estimate.unscored),
        method=estimate.method,
        status=None if finding is None else finding.status,
        word="no check" if finding is None else status_word(finding),
        limit="" if finding is None else limit(finding.check, estimate),
        strong=estimate.id.pooled,
    )


def _panel(name: EstimateId) -> tuple[int, str]:
    """Which chart an estimate belongs to: pooled and slices by key, groups by axis, contrasts by kind."""
    if name.contrast is not None:
        return 3, name.contrast
    if name.axis is not None:
        return 2, name.axis
    return (0, "") if name.pooled else (1, " and ".join(sorted(name.slice)))


def _heading(panel: tuple[int, str]) -> str:
    kind, key = panel
    if kind == 3:
        return capital(CONTRAST[key])
    return ("All rows", f"By {key}", f"Groups: {key}")[kind]


def _charts(
    panels: dict[tuple[int, str], list[Estimate]], ix: Index, key: str, title: str, kinds: tuple[int, ...]
) -> tuple[Chart, ...]:
    """A chart a panel of these kinds; charts of one kind have the same axis. Slices are drawn below all rows."""
    lines = {
        panel: [_line(one, ix) for one in [*(panels.get((0, ""), []) if panel[0] == 1 else []), *members]]
        for panel, members in panels.items()
        if panel[0] in kinds and not (panel[0] == 0 and any(kind == 1 for kind, _ in panels))
    }
    drawn = []
    for panel in sorted(lines):
        peers = [line for other in lines if _alike(other, panel) for line in lines[other]]
        heading = _heading(panel)
        name = anchor("chart", f"{key} {heading}")
        drawn.append(chart(name, heading, f"{title}: {heading}", lines[panel], peers=peers))
    return tuple(drawn)


def _alike(one: tuple[int, str], other: tuple[int, str]) -> bool:
    """Whether two panels share an axis: those of one kind do, differences and ratios do not."""
    return one == other if 3 in (one[0], other[0]) else one[0] == other[0]


def _line(estimate: Estimate, ix: Index) -> Line:
    return Line(label(estimate), estimate, ix.findings.get(estimate.id), estimate.id.pooled)


def _headline(estimate: Estimate, ix: Index) -> tuple[Fact, ...]:
    row = _row(estimate, ix)
    facts = [
        Fact("value", row.value),
        Fact(f"{level(estimate.level)} interval", row.interval),
        Fact("worst case", row.worst if widened(estimate) or estimate.unscored else "same: all were scored"),
        Fact("n", f"{row.n} in {row.clusters} clusters"),
    ]
    if row.limit:
        facts.append(Fact("limit", row.limit))
    return tuple(facts)


def _sorting(estimate: Estimate) -> tuple[tuple[int, str], str]:
    return _panel(estimate.id), str(estimate.id)


def _family(pooled: EstimateId, members: Iterable[Estimate], ix: Index) -> Family:
    estimates = sorted(members, key=_sorting)
    title = capital(humane(pooled.metric)) + ("" if pooled.arm == "all" else f", {humane(pooled.arm)} arm")
    first = estimates[0]
    name = str(pooled)
    panels: dict[tuple[int, str], list[Estimate]] = {}
    for estimate in estimates:
        panels.setdefault(_panel(estimate.id), []).append(estimate)
    axes = [axis for kind, axis in panels if kind == 2]
    groups = sum(len(panels[2, axis]) for axis in axes)
    return Family(
        anchor=anchor("metric", name),
        title=title,
        code=pooled.in_benchmark,
        scale=scale_sentence(first),
        headline=_headline(first, ix) if first.id.pooled else (),
        charts=_charts(panels, ix, name, title, (0, 1, 3)),
        groups=_charts(panels, ix, name, title, (2,)),
        groups_title=f"{count(groups)} groups of {count(len(axes))} {'axis' if len(axes) == 1 else 'axes'}",
        groups_folded=groups > LONG,
        panels=tuple(
            Panel("" if panel[0] == 0 else _heading(panel), tuple(_row(one, ix) for one in panels[panel]))
            for panel in sorted(panels)
        ),
        size=f"{count(len(estimates))} estimates",
        folded=len(estimates) > LONG,
        level=level(first.level),
    )


def _facts(card: Benchmark | None, name: str, ix: Index) -> tuple[Fact, ...]:
    audit = ix.audit
    facts = []
    if name in audit.sampled:
        part_, whole = audit.sampled[name]
        facts.append(Fact("Rows audited", f"{count(part_)} of {count(whole)} ({share(part_, whole)})"))
    if card is not None:
        facts += [
            Fact("Version", str(card.version)),
            Fact("Language", card.language),
            Fact("Clusters by", " and ".join(card.clusters)),
        ]
    if name in audit.rules:
        facts.append(Fact("Scoring rule", humane(audit.rules[name])))
    return tuple(facts)


def _origin(card: Benchmark | None) -> tuple[Fact, ...]:
    if card is None:
        return ()
    return Fact("Licence", card.license), Fact("Source", card.source), Fact("Citation", card.citation)


def areas(ix: Index) -> tuple[Area, ...]:
    """The benchmarks in the audit's order; one that has estimates and no card comes last."""
    cards = {card.name: card for card in ix.audit.benchmarks}
    families: dict[str, dict[EstimateId, list[Estimate]]] = {name: {} for name in cards}
    for estimate in ix.audit.estimates:
        if not estimate.id.variant:  # variants are shown in the section of robustness runs
            packs = families.setdefault(estimate.id.benchmark, {})
            packs.setdefault(estimate.id.over_all_rows, []).append(estimate)
    shown = []
    for name, members in families.items():
        card = cards.get(name)
        cited = cases(name, ix)
        shown.append(
            Area(
                anchor=anchor("area", name),
                title=card.title if card else humane(name),
                name=name,
                measures=card.measures if card else "The audit holds no card for this benchmark.",
                limits=card.limits if card else "Unknown: the audit holds no card for this benchmark.",
                facts=_facts(card, name, ix),
                families=tuple(_family(key, members[key], ix) for key in members),
                origin=_origin(card),
                cases=tuple(case for case in cited if case.first),
                more=tuple(case for case in cited if not case.first),
            )
        )
    return tuple(shown)
