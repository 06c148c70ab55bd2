"""The contrasts between groups that fairlearn names, of one rate or of two; `stats` gives value and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditkit.measure import citing, groups
from auditkit.measure.definition import Metric
from auditkit.measure.table import ScoreTable
from auditkit.schema import UNKNOWN, Cited, Estimate
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import Op, contrast_value
from auditkit.stats.estimates import joint_contrast

Columns = Mapping[str, ScoreColumn]
"""Group to its scores."""


@dataclass(frozen=True, eq=False)
class Rate:
    """One of the rates that are contrasted."""

    metric: Metric
    table: ScoreTable


def large_enough(columns: Columns, least: int) -> list[str]:
    """The named groups that have enough rows to be compared, inside the denominator and scored or not."""
    return [
        name for name, column in columns.items()
        if name not in ("", UNKNOWN) and np.count_nonzero(column.reasons != "outside") >= least
    ]


def parity_of_axis(
    metric: Metric, rates: Sequence[Rate], axis: str, least: int, labels: Mapping[str, Any], *, seed: int, k: int
) -> Estimate | None:
    """A named contrast between the groups of an axis; `None` where fewer than two are large enough in every rate.

    Args:
        metric: the named contrast.
        rates: what it contrasts.
        axis: the demographic axis.
        least: fewest rows of a group, in each rate's denominator.
        labels: what the estimate is called and signed by.
        seed: of the choice of cited samples.
        k: samples cited.

    Raises:
        MeasurementError: stats and fairlearn differ.
    """
    members = rates[0].table.units.groups(axis)
    columns = [{name: rate.table.rows(members.named(name)) for name in members.names} for rate in rates]
    sizes = [set(large_enough(of_rate, least)) for of_rate in columns]
    compared = [name for name in members.names if all(name in large for large in sizes)]
    if len(compared) < 2:
        return None
    families = [{name: of_rate[name] for name in compared} for of_rate in columns]
    estimate = joint_contrast(families, **labels)
    if estimate.value is None:
        return estimate
    _check(estimate, metric, rates[0].table, axis, compared)
    rate, values = _deciding(estimate, rates, families)
    badness = citing.badness(rate.metric.direction, (0.0, 1.0), None, None)
    worst = max(sorted(values), key=lambda name: badness(values[name]))
    cited = citing.cite(
        rate.table.candidates(members.named(worst)), direction=rate.metric.direction, range=(0.0, 1.0), ideal=None,
        value=None, seed=seed, k=k,
    )
    return estimate.model_copy(update={
        "between": groups.outermost(values), "cited": Cited(extreme=rate.table.units.members(cited.extreme)),
    })


def _deciding(
    estimate: Estimate, rates: Sequence[Rate], families: Sequence[Columns]
) -> tuple[Rate, dict[str, float]]:
    """The rate whose contrast is the value, and its groups' values."""
    by_rate = [{name: float(column.scored.values.mean()) for name, column in of_rate.items()} for of_rate in families]
    op: Op = "gap" if estimate.id.contrast == "gap" else "smallest_ratio"
    contrasts = [contrast_value(op, list(values.values())) for values in by_rate]
    place = next(i for i, value in enumerate(contrasts) if value == estimate.value)
    return rates[place], by_rate[place]


def _check(estimate: Estimate, metric: Metric, table: ScoreTable, axis: str, compared: Sequence[str]) -> None:
    """Hold the value equal to fairlearn's on the rows that were answered and lie in a compared group."""
    members, answers = table.units.groups(axis), table.units.class_answers
    rows = np.isin(members.codes, [members.names.index(name) for name in compared]) & answers.read
    gold, answered = answers.gold[rows] == metric.positive, answers.answered[rows] == metric.positive
    expected = metric.function(gold.astype(np.intp), answered.astype(np.intp), members.codes[rows])
    groups.hold_equal(estimate, expected)
