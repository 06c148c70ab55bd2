"""Outputs to estimates: what a card asks for, pooled, by slice, by group, and the contrasts of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure import citing, groups
from auditkit.measure.definition import Context, GroupContrast, Metric
from auditkit.measure.guards import GuardFinder
from auditkit.measure.parity import Rate, large_enough, parity_of_axis
from auditkit.measure.table import ScoreTable, score_table
from auditkit.measure.units import AnsweredSamples, Outputs
from auditkit.measure.uses import metric_of
from auditkit.schema import (
    Benchmark,
    Cited,
    Estimate,
    EstimateId,
    FreeText,
    MetricUse,
    Sample,
    Score,
    digest,
)
from auditkit.stats.columns import Mask, ScoreColumn
from auditkit.stats.estimates import contrast, estimate

K_SLICE = 2
"""Extreme samples cited for a slice, and for a contrast from its worst group; single groups cite none."""
Columns = Mapping[str, ScoreColumn]
"""Group to its scores."""


@dataclass(frozen=True)
class Measurement:
    """What was measured on one benchmark."""

    estimates: tuple[Estimate, ...]
    """In the card's order: each metric pooled, then by slice, by group, and contrasts."""
    scores: tuple[Score, ...]
    """One a metric and sample (or origin), in the card's order, then by id."""


@dataclass(frozen=True, eq=False)
class _ScoredUse:
    """One metric on one arm: its scores, and all that its estimates have in common."""

    card: Benchmark
    use: MetricUse
    metric: Metric
    table: ScoreTable
    level: float
    seed: int
    signature: Mapping[str, str]
    guards: GuardFinder

    def id(self, **part: Any) -> EstimateId:
        """The id of the estimate over all rows, or of a part of them: slice, axis, group, contrast."""
        return EstimateId(benchmark=self.card.name, metric=self.metric.name, arm=self.use.arm, **part)

    def labels(self, name: EstimateId) -> dict[str, Any]:
        """What an estimate of it is called, signed and guarded by."""
        return {
            "id": name, "level": self.level, "signature": dict(self.signature),
            "guard": self.guards.guard(self.metric.guard, name),
        }


def measure(
    card: Benchmark,
    samples: Sequence[Sample],
    outputs: Outputs,
    *,
    level: float = 0.95,
    seed: int = 0,
    signature_extra: Mapping[str, str] | None = None,
    pooled_only: bool = False,
) -> Measurement:
    """Measure one benchmark. The result does not depend on the order of samples or outputs, nor on variants of a
    robustness run among them, which `measure_variants` measures apart.

    Args:
        card: the benchmark; its `metrics` say what is measured.
        samples: the samples of the requests, twins included.
        outputs: sample id to output; an absent one, or `None`, was not run.
        level: level of the two-sided intervals.
        seed: of the choice of cited samples.
        signature_extra: further parts of the signature's instrument half; they replace parts of the same name.
        pooled_only: no slices, groups and contrasts, as for self-tests.

    Raises:
        MeasurementError: two samples with one id, outputs of different rules, a score outside its metric's range, or a
            metric over twins on a single arm.
        RegistryError: the card names a metric that is not installed.
    """
    samples = [sample for sample in samples if not sample.variant]
    if len({sample.id for sample in samples}) < len(samples):
        raise MeasurementError(f"{card.name}: two samples share an id; ids are unique in an audit")
    answered = AnsweredSamples(samples, outputs)
    common = _signature(card, answered) | dict(signature_extra or {})
    estimates: list[Estimate] = []
    scores: dict[tuple[str, str], Score] = {}
    guards = GuardFinder(samples)
    for use in card.metrics:
        scored = _scored_use(card, use, answered, level, seed, common, guards)
        if scored.metric.rates:
            estimates += () if pooled_only else _named_contrasts(scored, answered)
            continue
        scores |= {(score.metric, score.sample_id): score for score in scored.table.scores}
        estimates += _applicable(scored, outputs, _estimates(scored, pooled_only=pooled_only))
    return Measurement(tuple(estimates), _ordered(scores))


def _scored_use(
    card: Benchmark, use: MetricUse, answered: AnsweredSamples, level: float, seed: int, common: Mapping[str, str],
    guards: GuardFinder,
) -> _ScoredUse:
    metric = metric_of(use)
    # a contrast of rates has no scores of its own
    first = metric_of(use.model_copy(update={"metric": metric.rates[0]})) if metric.rates else metric
    table, context = score_arm(card, use, first, answered)
    if metric.unit == "origin" and use.arm != "all" and all(len(unit.members) == 1 for unit in table.units.units):
        raise MeasurementError(
            f'{card.name}: the metric "{metric.name}" is over twins, and the arm "{use.arm}" holds none; '
            "write arm: all in card.yaml"
        )
    signature = {**common, **context, "arm": use.arm, "metric": f"{metric.name}@{metric.version}"}
    return _ScoredUse(card, use, metric, table, level, seed, signature, guards)


def score_arm(
    card: Benchmark, use: MetricUse, metric: Metric, answered: AnsweredSamples
) -> tuple[ScoreTable, Context]:
    """The scores of the use's arm, and what the metric needed to know for them."""
    # of the arm: the arms of a pack may be in several languages
    context = {}
    if metric.context is not None:
        context = dict(metric.context(card, answered.arm(use.arm) or answered.samples))
    units = answered.units(use.arm, metric.unit)
    return score_table(metric, units, answered.outputs, card.clusters, context), context


def _signature(card: Benchmark, answered: AnsweredSamples) -> dict[str, str]:
    outputs = (answered.outputs.get(sample.id) for sample in answered.samples)
    rules = {output.rule for output in outputs if output is not None}
    if len(rules) > 1:
        raise MeasurementError(
            f"{card.name}: outputs of {len(rules)} scoring rules ({', '.join(sorted(rules))}); one is used for all rows"
        )
    rule = rules.pop() if rules else "not run"
    return {
        "pack": f"{card.name}@{card.version}",
        "rows": card.sha256[:16],
        "template": digest(card.templates)[:16],
        "rule": rule,
        "decoding": "greedy" if rule in ("letter", "text") else "none",
    }


def _ordered(scores: Mapping[tuple[str, str], Score]) -> tuple[Score, ...]:
    """By metric in the order in which they were measured, then by id."""
    places = {name: i for i, name in enumerate(dict.fromkeys(metric for metric, _ in scores))}
    return tuple(scores[key] for key in sorted(scores, key=lambda key: (places[key[0]], key[1])))


def _estimates(scored: _ScoredUse, *, pooled_only: bool) -> Iterator[Estimate]:
    yield _pooled(scored)
    if not pooled_only:
        yield from _slices(scored)
        yield from _groups(scored) if scored.use.groups else ()


def _applicable(scored: _ScoredUse, outputs: Outputs, estimates: Iterator[Estimate]) -> Iterator[Estimate]:
    """The estimates, marked where the metric reads probabilities and every answer of the arm is in words."""
    if not scored.metric.of_scores:
        return estimates
    members = (member for unit in scored.table.units.units for member in unit.members)
    answers = [output.answer for member in members if (output := outputs.get(member.id)) and output.answer is not None]
    if not answers or not all(isinstance(answer, FreeText) for answer in answers):
        return estimates
    reason = f"the rule {scored.signature['rule']} gives answers in words, without probabilities"
    return (estimate.model_copy(update={"not_applicable": reason}) for estimate in estimates)


def _pooled(scored: _ScoredUse) -> Estimate:
    everything = np.ones(len(scored.table.column.values), dtype=np.bool_)
    return _with_citations(scored, _estimate(scored, scored.table.column, scored.id()), everything, citing.K)


def _slices(scored: _ScoredUse) -> Iterator[Estimate]:
    for keys in scored.use.slice_keys:
        facts = scored.table.units.facts(keys)
        for values in facts.names:
            mask = facts.named(values)
            name = scored.id(slice=dict(zip(keys, values, strict=True)))
            estimate_of_slice = _estimate(scored, scored.table.rows(mask), name)
            yield _with_citations(scored, estimate_of_slice, mask, K_SLICE, extreme_only=True)


def _groups(scored: _ScoredUse) -> Iterator[Estimate]:
    """Each group of each axis, then gap and ratio of the axis' named groups."""
    contrasted: dict[str, Columns] = {}
    by_axis: dict[str, list[Estimate]] = {}
    for axis in scored.card.groups:
        members = scored.table.units.groups(axis)
        columns = {name: scored.table.rows(members.named(name)) for name in members.names if name}
        by_axis[axis] = [
            _estimate(scored, column, scored.id(axis=axis, group=name)) for name, column in columns.items()
        ]
        compared = large_enough(columns, scored.card.smallest_group)
        if len(compared) > 1:
            contrasted[axis] = {name: columns[name] for name in compared}
    contrasts = _contrasts(scored, contrasted)
    for axis, estimates in by_axis.items():
        yield from (*estimates, *contrasts.get(axis, ()))


def _named_contrasts(scored: _ScoredUse, answered: AnsweredSamples) -> Iterator[Estimate]:
    """A contrast of rates that has a name of its own, on each axis."""
    card, metric = scored.card, scored.metric
    rates = []
    for name in metric.rates:
        rate = metric_of(scored.use.model_copy(update={"metric": name}))
        rates.append(Rate(rate, score_arm(card, scored.use, rate, answered)[0]))
    for axis in card.groups if scored.use.groups else ():
        for op in contrasted_by(metric):
            labels = scored.labels(scored.id(axis=axis, contrast=op))
            labels["signature"] |= {"contrast": f"{op} of {' and '.join(metric.rates)}"}
            estimate_of_axis = parity_of_axis(
                metric, rates, axis, card.smallest_group, labels, seed=scored.seed, k=K_SLICE,
            )
            if estimate_of_axis is not None:
                yield estimate_of_axis


def contrasted_by(metric: Metric) -> tuple[GroupContrast, ...]:
    """How the groups of an axis are contrasted on a metric."""
    if metric.contrasts is not None:
        return metric.contrasts
    if metric.direction == "middle" or metric.range[0] < 0 or metric.corpus is not None:
        # No outcome is the favourable one, a ratio of signed numbers means nothing, or no interval is known for it.
        return ("gap",)
    return "gap", "smallest_ratio"


def _contrasts(scored: _ScoredUse, by_axis: Mapping[str, Columns]) -> dict[str, list[Estimate]]:
    """Gap and, where it has a meaning, smallest ratio of each axis."""
    metric = scored.metric
    kinds = contrasted_by(metric)
    if not kinds:
        return {}
    contrasts = {axis: [gap] for axis, gap in _contrast(scored, by_axis, "gap").items()}
    if "smallest_ratio" not in kinds:
        return contrasts
    if metric.direction == "lower":
        # Four-fifths ratios are of favourable outcomes: a rate of harm is turned round.
        by_axis = {
            axis: {name: _mirrored(column, metric.range) for name, column in columns.items()}
            for axis, columns in by_axis.items()
        }
    for axis, ratio in _contrast(scored, by_axis, "smallest_ratio").items():
        contrasts[axis].append(ratio)
    return contrasts


def _contrast(scored: _ScoredUse, by_axis: Mapping[str, Columns], op: GroupContrast) -> dict[str, Estimate]:
    """One contrast of every axis, with its value held equal to fairlearn's."""
    metric = scored.metric
    low, high = metric.range
    of = f"{low + high:g} - value" if op == "smallest_ratio" and metric.direction == "lower" else "value"
    expected = _fairlearn(scored, by_axis)
    estimates = {}
    for axis, columns in by_axis.items():
        labels = scored.labels(scored.id(axis=axis, contrast=op))
        labels["signature"] |= {"contrast": f"{op} of {of}"}
        estimate_of_axis = contrast(
            columns, range=metric.range, statistic=metric.statistic, seed=scored.seed, **labels,
        )
        groups.check(estimate_of_axis, expected.get(axis))
        estimates[axis] = _with_worst_group(scored, estimate_of_axis, axis, expected.get(axis))
    return estimates


def _with_worst_group(
    scored: _ScoredUse, contrast: Estimate, axis: str, by_fairlearn: groups.AxisTable | None
) -> Estimate:
    """A contrast that names its outermost groups, and cites the extreme samples of the one that fares worst (first by
    name among equals)."""
    if by_fairlearn is None:
        return contrast
    metric, values = scored.metric, by_fairlearn.by_group
    turned = contrast.id.contrast == "smallest_ratio" and metric.direction == "lower"
    badness = citing.badness("higher" if turned else metric.direction, metric.range, metric.ideal, None)
    worst = max(sorted(values), key=lambda name: badness(values[name]))
    mask = scored.table.units.groups(axis).named(worst)
    outermost = groups.outermost(values)
    named = contrast.model_copy(update={"between": outermost[::-1] if turned and outermost else outermost})
    return _with_citations(scored, named, mask, K_SLICE, extreme_only=True)


def _fairlearn(scored: _ScoredUse, by_axis: Mapping[str, Columns]) -> dict[str, groups.AxisTable]:
    """Scored rows for fairlearn: their scores, or for a statistic over the corpus their places in one long column."""
    values, axes, names, blocks = [], [], [], []
    for axis, columns in by_axis.items():
        for name, column in columns.items():
            block = column.scored
            blocks.append(block)
            values += block.values.tolist()
            axes += [axis] * block.n
            names += [name] * block.n
    statistic = scored.metric.corpus
    if statistic is None or not blocks:
        return groups.tables(values, axes, names)
    # fairlearn hands a group's numbers to a function: row numbers stand for rows, whose parts are looked up by them
    parts = {name: np.concatenate([block.parts[name] for block in blocks]) for name in blocks[0].parts}

    def compute(places: Any) -> float:
        """The statistic on the rows at these places; NaN where it is undefined."""
        rows = np.asarray(places, dtype=np.intp)
        value = statistic.value({name: part[rows] for name, part in parts.items()})
        return float("nan") if value is None else value

    return groups.tables(list(range(len(axes))), axes, names, compute)


def _estimate(scored: _ScoredUse, column: ScoreColumn, name: EstimateId) -> Estimate:
    metric = scored.metric
    return estimate(
        column, range=metric.range, direction=metric.direction, ideal=metric.ideal,
        statistic=metric.statistic, seed=scored.seed, **scored.labels(name),
    )


def _with_citations(
    scored: _ScoredUse, estimate: Estimate, mask: Mask, k: int, *, extreme_only: bool = False
) -> Estimate:
    metric = scored.metric
    cited = citing.cite(
        scored.table.candidates(mask), direction=metric.direction, range=metric.range, ideal=metric.ideal,
        value=estimate.value, seed=scored.seed, k=k,
    )
    kinds = ("extreme",) if extreme_only else ("extreme", "typical", "unscored")
    members = {kind: scored.table.units.members(getattr(cited, kind)) for kind in kinds}
    return estimate.model_copy(update={"cited": Cited(**members)})


def _mirrored(column: ScoreColumn, range: tuple[float, float]) -> ScoreColumn:
    return replace(column, values=range[0] + range[1] - column.values)
