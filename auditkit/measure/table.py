"""Samples and outputs to columns: one row a sample, or an origin, for each metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import MeasurementError
from auditkit.measure import answers
from auditkit.measure.citing import Candidate
from auditkit.measure.definition import Context, Metric
from auditkit.measure.groups import group_of
from auditkit.schema import UNKNOWN, Output, Sample, Score
from auditkit.stats.columns import Mask, ScoreColumn

Outputs = Mapping[str, Output | None]


@dataclass(frozen=True, eq=False)
class Unit:
    """What one score is about: a sample, or the twins of an origin, sorted by id."""

    id: str
    members: tuple[Sample, ...]

    def fact(self, key: str) -> str:
        """A metadata value as text, `unknown` where it is absent or differs between the members."""
        facts = {_text(member.metadata.get(key)) for member in self.members}
        return facts.pop() if len(facts) == 1 else UNKNOWN

    def group(self, axis: str) -> str | None:
        """The members' group on an axis, `unknown` where they differ, `None` where the axis is not theirs."""
        groups = {group_of(member, axis) for member in self.members}
        return groups.pop() if len(groups) == 1 else UNKNOWN

    def cluster(self, factor: str) -> str:
        """The unit's cluster.

        Raises:
            MeasurementError: its twins lie in different clusters, or in none.
        """
        clusters = {member.clusters.get(factor) for member in self.members}
        cluster = clusters.pop() if len(clusters) == 1 else None
        if cluster is None:
            raise MeasurementError(f'{self.id}: the cluster "{factor}" is missing, or differs between twins')
        return cluster


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """One metric's scores as columns, one row a unit, sorted by unit id."""

    units: tuple[Unit, ...]
    scores: tuple[Score, ...]
    column: ScoreColumn
    margins: tuple[float, ...]

    def rows(self, mask: Mask) -> ScoreColumn:
        """The column of some units."""
        return self.column.rows(mask)

    def candidates(self, mask: Mask) -> list[Candidate]:
        """Some units, as far as citing looks at them."""
        return [
            Candidate(
                id=self.units[i].id,
                members=tuple(member.id for member in self.units[i].members),
                value=self.scores[i].value,
                reason=self.scores[i].reason,
                margin=self.margins[i],
            )
            for i in np.flatnonzero(mask)
        ]


def score_table(
    metric: Metric, samples: Sequence[Sample], outputs: Outputs, factors: Iterable[str], context: Context | None = None
) -> ScoreTable:
    """Score samples, sorted by id, on one metric.

    Args:
        metric: the metric.
        samples: the samples of the arm.
        outputs: sample id to output; absent or `None` is not run.
        factors: cluster factors.
        context: for a metric that reads one.

    Raises:
        MeasurementError: a score outside the metric's range, or twins in different clusters.
    """
    units = units_of(metric, samples)
    scores = tuple(_score(metric, unit, outputs, context) for unit in units)
    values = np.array([np.nan if score.value is None else score.value for score in scores], dtype=np.float64)
    reasons = np.array([score.reason or "" for score in scores], dtype=np.str_)
    clusters: tuple[npt.NDArray[Any], ...] = tuple(
        np.array([unit.cluster(factor) for unit in units], dtype=np.str_) for factor in factors
    )
    margins = tuple(min(answers.read(s, outputs.get(s.id)).margin for s in unit.members) for unit in units)
    return ScoreTable(units, scores, ScoreColumn(values, reasons, clusters, _parts(scores)), margins)


def _parts(scores: Sequence[Score]) -> dict[str, npt.NDArray[Any]]:
    """The scores' parts as columns; a number that a row lacks is 0, a text empty."""
    kinds = {name: type(value) for score in scores for name, value in score.parts.items()}
    return {
        name: np.array([score.parts.get(name, "") for score in scores], dtype=np.str_)
        if kind is str
        else np.array([score.parts.get(name, 0.0) for score in scores], dtype=np.float64)
        for name, kind in kinds.items()
    }


def units_of(metric: Metric, samples: Sequence[Sample]) -> tuple[Unit, ...]:
    """What the metric scores one by one, sorted by id: the samples, or the origins that they are twins of."""
    ordered = sorted(samples, key=lambda sample: sample.id)
    if metric.unit == "sample":
        return tuple(Unit(sample.id, (sample,)) for sample in ordered)
    origins: dict[str, list[Sample]] = {}
    for sample in ordered:
        origins.setdefault(sample.origin, []).append(sample)
    return tuple(Unit(origin, tuple(members)) for origin, members in sorted(origins.items()))


def _score(metric: Metric, unit: Unit, outputs: Outputs, context: Context | None) -> Score:
    if metric.unit == "sample":
        return metric(unit.members[0], outputs.get(unit.id), context)
    return metric.of_origin(unit.members, [outputs.get(member.id) for member in unit.members])


def _text(value: str | int | float | bool | None) -> str:
    if value is None or value == "":
        return UNKNOWN
    return str(value).lower() if isinstance(value, bool) else str(value)
