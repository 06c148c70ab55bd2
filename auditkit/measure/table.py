"""Units to columns: one row a sample, or an origin, for each metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.measure.citing import Candidates
from auditkit.measure.definition import Context, Metric
from auditkit.measure.scorers.entities import read_scheme
from auditkit.measure.units import Outputs, Unit, Units
from auditkit.schema import Score, Tags
from auditkit.stats.columns import Mask, ScoreColumn


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """One metric's scores as columns, one row a unit, sorted by unit id."""

    units: Units
    scores: tuple[Score, ...]
    """None for a metric of one class, which is counted from answers and targets at once."""
    column: ScoreColumn

    def rows(self, mask: Mask) -> ScoreColumn:
        """The column of some units."""
        return self.column.rows(mask)

    def candidates(self, mask: Mask) -> Candidates:
        """Some units, as far as citing looks at them."""
        places = np.flatnonzero(mask)
        return Candidates(
            ids=[self.units.units[place].id for place in places], values=self.column.values[places],
            reasons=self.column.reasons[places], margins=self.units.margins[places],
        )


def score_table(
    metric: Metric, units: Units, outputs: Outputs, factors: Iterable[str], context: Context | None = None
) -> ScoreTable:
    """Score units on one metric.

    Args:
        metric: the metric.
        units: the units of the arm.
        outputs: sample id to output; absent or `None` is not run.
        factors: cluster factors.
        context: for a metric that reads one.

    Raises:
        MeasurementError: a score outside the metric's range, or twins in different clusters.
    """
    clusters = tuple(units.clusters(factor).codes for factor in factors)
    if metric.by_class:
        counted = metric.function(units.class_answers, metric.positive)
        return ScoreTable(units, (), ScoreColumn(counted.values, counted.reasons, clusters, counted.parts))
    context = _with_answer_scheme(context, outputs)
    scores = tuple(_score(metric, unit, outputs, context) for unit in units.units)
    values = np.array([np.nan if score.value is None else score.value for score in scores], dtype=np.float64)
    reasons = np.array([score.reason or "" for score in scores], dtype=np.str_)
    return ScoreTable(units, scores, ScoreColumn(values, reasons, clusters, _parts(scores)))


def _with_answer_scheme(context: Context | None, outputs: Outputs) -> Context | None:
    """The context of tags of entities with the scheme in which the answers are written, which no answer alone tells."""
    if context is None or "tag_scheme" not in context:
        return context
    tags = [output.answer.tags for output in outputs.values() if output is not None and isinstance(output.answer, Tags)]
    scheme = read_scheme(tags) if any(tag != "O" for row in tags for tag in row) else None
    return context if scheme is None else {**context, "answer_scheme": scheme}


def _parts(scores: Sequence[Score]) -> dict[str, npt.NDArray[Any]]:
    """The scores' parts as columns; a number that a row lacks is 0, a text empty."""
    kinds = {name: type(value) for score in scores for name, value in score.parts.items()}
    return {
        name: np.array([score.parts.get(name, "") for score in scores], dtype=np.str_)
        if kind is str
        else np.array([score.parts.get(name, 0.0) for score in scores], dtype=np.float64)
        for name, kind in kinds.items()
    }


def _score(metric: Metric, unit: Unit, outputs: Outputs, context: Context | None) -> Score:
    if metric.unit == "sample":
        return metric(unit.members[0], outputs.get(unit.id), context)
    return metric.of_origin(unit.members, [outputs.get(member.id) for member in unit.members])
