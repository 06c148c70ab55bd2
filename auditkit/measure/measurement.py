"""Outputs to estimates: what a card asks for, pooled, by slice, by group, and the contrasts of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure import citing
from auditkit.measure import groups as fairness
from auditkit.measure.definition import Context, Metric
from auditkit.measure.evaluate_modules import PREFIX, module_metric
from auditkit.measure.table import Mask, Outputs, Table, table
from auditkit.registry import get
from auditkit.schema import Benchmark, Estimate, EstimateId, MetricUse, Sample, Score, digest
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.estimates import contrast, estimate

K_SLICE = 2
"""Extreme samples cited for a slice, and for a contrast from its worst group; single groups cite none."""
ContrastKind = Literal["gap", "smallest_ratio"]
Columns = Mapping[str, ScoreColumn]
"""Group to its scores."""


@dataclass(frozen=True)
class Measured:
    """What was measured on one benchmark."""

    estimates: tuple[Estimate, ...]
    """In the card's order: each metric pooled, then by slice, by group, and contrasts."""
    scores: tuple[Score, ...]
    """One a metric and sample (or origin), in the card's order, then by id."""


@dataclass(frozen=True, eq=False)
class _Use:
    """One metric on one arm, with all that its estimates have in common."""

    card: Benchmark
    use: MetricUse
    metric: Metric
    table: Table
    level: float
    seed: int
    signature: Mapping[str, str]

    def id(self, **part: Any) -> EstimateId:
        """The id of the estimate over all rows, or of a part of them: slice, axis, group, contrast."""
        return EstimateId(benchmark=self.card.name, metric=self.metric.name, arm=self.use.arm, **part)

    def common(self) -> dict[str, Any]:
        """What all its estimates share."""
        return {"level": self.level, "signature": dict(self.signature), "guard": self.metric.guard}


def measure(
    card: Benchmark,
    samples: Sequence[Sample],
    outputs: Outputs,
    *,
    level: float = 0.95,
    seed: int = 0,
    signature_extra: Mapping[str, str] | None = None,
    pooled_only: bool = False,
) -> Measured:
    """Measure one benchmark. The result does not depend on the order of samples or outputs, nor on variants of a
    robustness run among them, which `measure_variants` measures apart.

    Args:
        card: the benchmark; its `metrics` say what is measured.
        samples: the samples asked, twins included.
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
    common = _signature(card, samples, outputs) | dict(signature_extra or {})
    estimates: list[Estimate] = []
    scores: dict[tuple[str, str], Score] = {}
    for use in card.metrics:
        prepared = _prepare(card, use, samples, outputs, level, seed, common)
        scores |= {(score.metric, score.sample_id): score for score in prepared.table.scores}
        estimates.append(_pooled(prepared))
        if not pooled_only:
            estimates += _slices(prepared)
            estimates += _groups(prepared) if use.groups else []
    return Measured(tuple(estimates), _ordered(card, scores))


def _prepare(
    card: Benchmark, use: MetricUse, samples: Sequence[Sample], outputs: Outputs, level: float, seed: int,
    common: Mapping[str, str],
) -> _Use:
    metric = metric_of(use)
    if metric.unit == "origin" and use.arm != "all":
        raise MeasurementError(f'{card.name}: the metric "{metric.name}" is over twins; write arm: all in card.yaml')
    scored, context = score(card, use, metric, samples, outputs)
    signature = {**common, **context, "arm": use.arm, "metric": f"{metric.name}@{metric.version}"}
    return _Use(card, use, metric, scored, level, seed, signature)


def metric_of(use: MetricUse) -> Metric:
    """The metric that a card names: a registered one, or a module of `evaluate`.

    Raises:
        MeasurementError: a module that cannot be used.
        RegistryError: a metric that is not installed.
    """
    found: Metric = module_metric(use) if use.metric.startswith(PREFIX) else get("metric", use.metric)
    return found


def score(
    card: Benchmark, use: MetricUse, metric: Metric, samples: Sequence[Sample], outputs: Outputs
) -> tuple[Table, Context]:
    """The scores of the use's arm, and what the metric needed to know for them."""
    chosen = [sample for sample in samples if use.arm in ("all", sample.arm)]
    # of the arm: the arms of a pack may be in several languages
    context = {} if metric.context is None else dict(metric.context(card, chosen or samples))
    return table(metric, chosen, outputs, card.clusters, context), context


def _signature(card: Benchmark, samples: Sequence[Sample], outputs: Outputs) -> dict[str, str]:
    found = {output.rule for sample in samples if (output := outputs.get(sample.id)) is not None}
    if len(found) > 1:
        raise MeasurementError(
            f"{card.name}: outputs of {len(found)} scoring rules ({', '.join(sorted(found))}); one is used for all rows"
        )
    rule = found.pop() if found else "not run"
    return {
        "pack": f"{card.name}@{card.version}",
        "rows": card.sha256[:16],
        "template": digest(card.templates)[:16],
        "rule": rule,
        "decoding": "greedy" if rule in ("letter", "text") else "none",
    }


def _ordered(card: Benchmark, scores: Mapping[tuple[str, str], Score]) -> tuple[Score, ...]:
    places = {name: i for i, name in enumerate(dict.fromkeys(use.metric for use in card.metrics))}
    return tuple(scores[key] for key in sorted(scores, key=lambda key: (places[key[0]], key[1])))


def _pooled(use: _Use) -> Estimate:
    return _with_citations(use, _estimate(use, use.table.column, use.id()), _all(use.table), citing.K)


def _slices(use: _Use) -> Iterator[Estimate]:
    for key in use.use.slices:
        facts = np.array([unit.fact(key) for unit in use.table.units], dtype=np.str_)
        for value in sorted({str(fact) for fact in facts}):
            mask = facts == value
            made = _estimate(use, use.table.rows(mask), use.id(slice={key: value}))
            yield _with_citations(use, made, mask, K_SLICE, extreme_only=True)


def _groups(use: _Use) -> Iterator[Estimate]:
    """Each group of each axis, then gap and ratio of the axis' known groups."""
    contrasted: dict[str, Columns] = {}
    by_axis: dict[str, list[Estimate]] = {}
    for axis in use.card.groups:
        found = np.array([unit.group(axis) or "" for unit in use.table.units], dtype=np.str_)
        columns = {name: use.table.rows(found == name) for name in sorted({str(group) for group in found} - {""})}
        by_axis[axis] = [
            _estimate(use, column, use.id(axis=axis, group=name)) for name, column in columns.items()
        ]
        known = {name: column for name, column in columns.items() if name != fairness.UNKNOWN}
        if len(known) > 1:
            contrasted[axis] = known
    contrasts = _contrasts(use, contrasted)
    for axis, made in by_axis.items():
        yield from (*made, *contrasts.get(axis, ()))


def _contrasts(use: _Use, by_axis: Mapping[str, Columns]) -> dict[str, list[Estimate]]:
    made = {axis: [gap] for axis, gap in _contrast(use, by_axis, "gap").items()}
    if use.metric.direction == "middle" or use.metric.range[0] < 0 or use.metric.corpus is not None:
        # No outcome is the favourable one, a ratio of signed numbers means nothing, or no interval is known for it.
        return made
    if use.metric.direction == "lower":
        # Four-fifths ratios are of favourable outcomes: a rate of harm is turned round.
        by_axis = {
            axis: {name: _mirrored(column, use.metric.range) for name, column in columns.items()}
            for axis, columns in by_axis.items()
        }
    for axis, ratio in _contrast(use, by_axis, "smallest_ratio").items():
        made[axis].append(ratio)
    return made


def _contrast(use: _Use, by_axis: Mapping[str, Columns], op: ContrastKind) -> dict[str, Estimate]:
    """One contrast of every axis, with its value held equal to fairlearn's."""
    low, high = use.metric.range
    of = f"{low + high:g} - value" if op == "smallest_ratio" and use.metric.direction == "lower" else "value"
    common = use.common()
    common["signature"] |= {"contrast": f"{op} of {of}"}
    expected = _fairlearn(use, by_axis)
    made = {}
    for axis, columns in by_axis.items():
        found = contrast(
            columns, id=use.id(axis=axis, contrast=op), range=use.metric.range, statistic=use.metric.statistic,
            seed=use.seed, **common,
        )
        fairness.check(found, expected.get(axis))
        made[axis] = _with_worst_group(use, found, axis, expected.get(axis))
    return made


def _with_worst_group(use: _Use, made: Estimate, axis: str, table: fairness.AxisTable | None) -> Estimate:
    """A contrast that cites the extreme samples of the group that fares worst (first by name among equals)."""
    if table is None:
        return made
    turned = made.id.contrast == "smallest_ratio" and use.metric.direction == "lower"
    badness = citing.badness("higher" if turned else use.metric.direction, use.metric.range, use.metric.ideal, None)
    worst = max(sorted(table.by_group), key=lambda name: badness(table.by_group[name]))
    mask = np.array([unit.group(axis) == worst for unit in use.table.units], dtype=np.bool_)
    return _with_citations(use, made, mask, K_SLICE, extreme_only=True)


def _fairlearn(use: _Use, by_axis: Mapping[str, Columns]) -> dict[str, fairness.AxisTable]:
    """Scored rows for fairlearn: their scores, or for a statistic over the corpus their places in one long column."""
    values, axes, names, rows = [], [], [], []
    for axis, columns in by_axis.items():
        for name, column in columns.items():
            scored = column.scored
            rows.append(scored)
            values += scored.values.tolist()
            axes += [axis] * scored.n
            names += [name] * scored.n
    statistic = use.metric.corpus
    if statistic is None or not rows:
        return fairness.tables(values, axes, names)
    parts = {name: np.concatenate([row.parts[name] for row in rows]) for name in rows[0].parts}

    def compute(places: Any) -> float:
        """The statistic on the rows at these places; NaN where it is undefined."""
        chosen = np.asarray(places, dtype=np.intp)
        value = statistic.value({name: part[chosen] for name, part in parts.items()})
        return float("nan") if value is None else value

    return fairness.tables(list(range(len(axes))), axes, names, compute)


def _estimate(use: _Use, column: ScoreColumn, name: EstimateId) -> Estimate:
    return estimate(
        column,
        id=name,
        range=use.metric.range,
        direction=use.metric.direction,
        ideal=use.metric.ideal,
        statistic=use.metric.statistic,
        seed=use.seed,
        **use.common(),
    )


def _with_citations(use: _Use, made: Estimate, mask: Mask, k: int, *, extreme_only: bool = False) -> Estimate:
    cited = citing.cite(
        use.table.candidates(mask),
        direction=use.metric.direction,
        range=use.metric.range,
        ideal=use.metric.ideal,
        value=made.value,
        seed=use.seed,
        k=k,
    )
    if extreme_only:
        cited = cited.model_copy(update={"typical": (), "unscored": ()})
    return made.model_copy(update={"cited": cited})


def _mirrored(column: ScoreColumn, range: tuple[float, float]) -> ScoreColumn:
    return replace(column, values=range[0] + range[1] - column.values)


def _all(whole: Table) -> Mask:
    return np.ones(len(whole.units), dtype=np.bool_)
