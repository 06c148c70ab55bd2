"""What is measured of a benchmark: what its card names, and what follows from that.

A guard needs its own metric on the same slices and groups; and how often a model gives no answer at all is measured on
every arm, by every slice and group, since refusing one group's rows is a harm that averages hide.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from auditkit.errors import MeasurementError, did_you_mean
from auditkit.measure.definition import OF_CLASS, GuardRule, Metric
from auditkit.measure.evaluate_modules import PREFIX, module_metric
from auditkit.measure.groups import AXIS
from auditkit.registry import get
from auditkit.schema import Benchmark, MetricUse, Sample
from auditkit.schema.benchmark import UNSCORED_SHARE

Slicing = str | tuple[str, ...]
"""A metadata key, or several that are crossed."""


def metric_of(use: MetricUse) -> Metric:
    """The metric that a card names: a registered one, or a module of `evaluate`.

    Raises:
        MeasurementError: a module that cannot be used, or a metric of a class without its class.
        RegistryError: a metric that is not installed.
    """
    if use.metric.startswith(PREFIX):
        return module_metric(use)
    name, mark, positive = use.metric.partition(OF_CLASS)
    metric: Metric = get("metric", name)
    if mark:
        return _of_class(metric, positive)
    if metric.by_class:
        raise MeasurementError(f'metric "{name}": it is of one class; write {name}{OF_CLASS}CLASS')
    return metric


@lru_cache(maxsize=256)
def _of_class(metric: Metric, positive: str) -> Metric:
    """Once for each class, since a metric's version is read from its source."""
    return metric.of_class(positive)


def completed(card: Benchmark, samples: Iterable[Sample]) -> Benchmark:
    """The card with every metric and arm that is measured: its own first and in its order, then what follows.

    Args:
        card: the benchmark.
        samples: its samples; what follows from the card is measured only on arms that some of them have.

    Raises:
        MeasurementError: a module that cannot be used.
        RegistryError: a metric that is not installed.
    """
    samples = list(samples)
    arms = {"all", *(sample.arm for sample in samples)}
    _check_classes(card)
    uses: dict[tuple[str, str], MetricUse] = {}
    for use in card.metrics:
        _add(uses, use)
    for use in card.metrics:
        guard = metric_of(use).guard
        if guard is not None and (arm := guard.arm or use.arm) in arms:
            slices = (*use.slices, *_of_groups(use, guard, [row for row in samples if row.arm == arm]))
            _add(uses, use.model_copy(update={"metric": guard.metric, "arm": arm, "slices": slices}))
    for arm in dict.fromkeys(use.arm for use in uses.values() if use.arm in arms):
        slices = _joined(key for use in uses.values() if use.arm == arm for key in use.slices)
        _add(uses, MetricUse(metric=UNSCORED_SHARE, arm=arm, slices=slices, groups=bool(card.groups)))
    return card.model_copy(update={"metrics": tuple(uses.values())})


def _check_classes(card: Benchmark) -> None:
    """Raises MeasurementError where a metric is of a class that the card does not have."""
    classes = [choice.label for choice in card.choices]
    for use in card.metrics:
        positive = metric_of(use).positive
        if positive and classes and positive not in classes:
            hint = did_you_mean(positive, classes, f"classes: {', '.join(classes[:12])}")
            raise MeasurementError(f'{card.name}: metric "{use.metric}": no class is called "{positive}"; {hint}')


def _of_groups(use: MetricUse, guard: GuardRule, rows: Iterable[Sample]) -> tuple[Slicing, ...]:
    """The slicing by which a guard is measured on the rows about each group."""
    keys = (AXIS, guard.group_key)
    has_keys = guard.group_key is not None and any(all(key in row.metadata for key in keys) for row in rows)
    return (tuple(key for key in keys if key is not None),) if use.groups and has_keys else ()


def _add(uses: dict[tuple[str, str], MetricUse], use: MetricUse) -> None:
    """One more use; where the metric is measured on the arm already, its slices and groups are joined."""
    first = uses.get((use.metric, use.arm))
    if first is not None:
        joined = {"slices": _joined((*first.slices, *use.slices)), "groups": first.groups or use.groups}
        use = first.model_copy(update=joined)
    uses[use.metric, use.arm] = use


def _joined(keys: Iterable[Slicing]) -> tuple[Slicing, ...]:
    return tuple(dict.fromkeys(keys))
