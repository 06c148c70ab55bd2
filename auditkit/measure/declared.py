"""What a card declares and its rows hold: the slices and groups that a check can be about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from auditkit.measure.measurement import contrasted_by
from auditkit.measure.units import AnsweredSamples, Units
from auditkit.measure.uses import metric_of
from auditkit.schema import Benchmark, DeclaredMetric, DeclaredPart, MetricUse, Sample
from auditkit.stats.columns import Codes
from auditkit.stats.estimates import Mean


def declared(card: Benchmark, rows: Sequence[Sample], variants: Sequence[str] = ()) -> tuple[DeclaredMetric, ...]:
    """Every metric of a card with the slices and groups of its rows.

    Args:
        card: the benchmark.
        rows: all rows of the pack, audited or not, without variants.
        variants: names of the variants of a robustness run.

    Raises:
        MeasurementError: a row without its cluster.
        RegistryError: the card names a metric that is not installed.
    """
    answered = AnsweredSamples(rows, {})
    return tuple(_declared(card, use, answered, variants) for use in card.metrics)


def _declared(card: Benchmark, use: MetricUse, rows: AnsweredSamples, variants: Sequence[str]) -> DeclaredMetric:
    metric = metric_of(use)
    units = rows.units(use.arm, metric.unit)
    clusters = units.clusters(card.clusters[0]).codes  # of the outermost factor
    parts = (
        DeclaredPart(cluster_sizes=_sizes(clusters)), *_slices(use, units, clusters),
        *_groups(card, use, units, clusters),
    )
    by_axis = Counter(
        part.axis for part in parts if part.group is not None and part.known and part.rows >= card.smallest_group
    )
    return DeclaredMetric(
        benchmark=card.name, metric=metric.name, arm=use.arm, title=metric.title, range=metric.range,
        direction=metric.direction, ideal=metric.ideal, mean=isinstance(metric.statistic, Mean), slices=use.slice_keys,
        contrasts=tuple(
            (axis, op) for axis, count in by_axis.items() if axis and count > 1 for op in contrasted_by(metric)
        ),
        variants=() if metric.rates else tuple(variants), made_of=metric.rates,
        parts=() if metric.rates else parts,
    )


def _slices(use: MetricUse, units: Units, clusters: Codes) -> Iterator[DeclaredPart]:
    for keys in use.slice_keys:
        facts = units.facts(keys)
        for values in facts.names:
            named = dict(zip(keys, values, strict=True))
            yield DeclaredPart(slice=named, cluster_sizes=_sizes(clusters[facts.named(values)]))


def _groups(card: Benchmark, use: MetricUse, units: Units, clusters: Codes) -> Iterator[DeclaredPart]:
    for axis in card.groups if use.groups else ():
        members = units.groups(axis)
        for group in members.names:
            if group:
                yield DeclaredPart(axis=axis, group=group, cluster_sizes=_sizes(clusters[members.named(group)]))


def _sizes(clusters: Codes) -> tuple[tuple[int, int], ...]:
    """Rows of a cluster, and how many have so many."""
    rows = np.bincount(clusters)
    sizes, counts = np.unique(rows[rows > 0], return_counts=True)
    return tuple(zip(sizes.tolist(), counts.tolist(), strict=True))
