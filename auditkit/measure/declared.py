"""What a card declares and its rows hold: the slices and groups that a check can be about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from auditkit.measure.measurement import contrasted_by
from auditkit.measure.units import Unit, units_of
from auditkit.measure.uses import metric_of
from auditkit.schema import Benchmark, DeclaredMetric, DeclaredPart, MetricUse, Sample
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
    return tuple(_declared(card, use, rows, variants) for use in card.metrics)


def _declared(card: Benchmark, use: MetricUse, rows: Sequence[Sample], variants: Sequence[str]) -> DeclaredMetric:
    metric = metric_of(use)
    units = units_of(metric.unit, [row for row in rows if use.arm in ("all", row.arm)])
    parts = (DeclaredPart(cluster_sizes=_sizes(card, units)), *_slices(card, use, units), *_groups(card, use, units))
    by_axis = Counter(part.axis for part in parts if part.group is not None and part.known)
    return DeclaredMetric(
        benchmark=card.name, metric=metric.name, arm=use.arm, title=metric.title, range=metric.range,
        direction=metric.direction, ideal=metric.ideal, mean=isinstance(metric.statistic, Mean), slices=use.slice_keys,
        contrasts=tuple(
            (axis, op) for axis, count in by_axis.items() if axis and count > 1 for op in contrasted_by(metric)
        ),
        variants=tuple(variants), parts=parts,
    )


def _slices(card: Benchmark, use: MetricUse, units: Sequence[Unit]) -> Iterator[DeclaredPart]:
    for keys in use.slice_keys:
        members: dict[tuple[str, ...], list[Unit]] = {}
        for unit in units:
            members.setdefault(tuple(unit.fact(key) for key in keys), []).append(unit)
        for values in sorted(members):
            named = dict(zip(keys, values, strict=True))
            yield DeclaredPart(slice=named, cluster_sizes=_sizes(card, members[values]))


def _groups(card: Benchmark, use: MetricUse, units: Sequence[Unit]) -> Iterator[DeclaredPart]:
    for axis in card.groups if use.groups else ():
        members: dict[str, list[Unit]] = {}
        for unit in units:
            if group := unit.group(axis):
                members.setdefault(group, []).append(unit)
        for group in sorted(members):
            yield DeclaredPart(axis=axis, group=group, cluster_sizes=_sizes(card, members[group]))


def _sizes(card: Benchmark, units: Iterable[Unit]) -> tuple[tuple[int, int], ...]:
    """Rows of a cluster, and how many have so many; of the outermost factor."""
    clusters = Counter(unit.cluster(card.clusters[0]) for unit in units)
    return tuple(sorted(Counter(clusters.values()).items()))
