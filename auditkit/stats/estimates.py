"""Builders of `Estimate` records: no bare float leaves measurement.

A statistic turns a column of scores into a reading. Means are built in; a statistic over a corpus (`stats/corpus.py`)
declares its own extreme fills.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict, Unpack

from auditkit.errors import MeasurementError
from auditkit.schema import Cited, Direction, Estimate, EstimateId, Fill, Guard, Reason, ShownOnly, Spread
from auditkit.stats.clusters import Design
from auditkit.stats.columns import Range, ScoreColumn, encoded
from auditkit.stats.contrasts import Op, gap, joined, smallest_ratio
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.corpus_gaps import NO_FILL, corpus_gap, corpus_gap_fills
from auditkit.stats.fills import contrast_fills
from auditkit.stats.intervals import interval
from auditkit.stats.means import Reading, mean_reading


class Statistic(Protocol):
    """What turns scores into a number with an interval."""

    def read(self, column: ScoreColumn, range: Range, seed: int) -> Reading:
        """The number over the scored rows; value `None` where it is undefined.

        Args:
            column: scores, some perhaps missing.
            range: lowest and highest possible score.
            seed: of random groups of clusters.
        """
        ...

    def fills(self, column: ScoreColumn, range: Range) -> tuple[ScoreColumn | None, ScoreColumn] | None:
        """The columns, all scored, that make the number lowest and highest; `None` for what is not known.

        Args:
            column: scores, some perhaps missing; rows whose reason is `outside` stay out.
            range: lowest and highest possible score.
        """
        ...


@dataclass(frozen=True)
class Mean:
    """The mean of scores."""

    def read(self, column: ScoreColumn, range: Range, seed: int) -> Reading:
        """See `Statistic`."""
        scored = column.scored
        return mean_reading(scored.values, scored.clusters, range)

    def fills(self, column: ScoreColumn, range: Range) -> tuple[ScoreColumn, ScoreColumn]:
        """Every missing score at the lowest, then at the highest end of the range."""
        return column.filled(range[0]), column.filled(range[1])


MEAN = Mean()


class Labels(TypedDict):
    """What an estimate is of; passed on as it is."""

    id: EstimateId
    signature: NotRequired[dict[str, str]]
    """Instrument half."""
    guard: NotRequired[Guard | None]
    """What the metric asks for before a pass counts."""
    cited: NotRequired[Cited]
    """Samples chosen as evidence."""


def estimate(
    sample: ScoreColumn,
    *,
    range: Range,
    direction: Direction,
    ideal: float | None = None,
    level: float = 0.95,
    statistic: Statistic = MEAN,
    seed: int = 0,
    **labels: Unpack[Labels],
) -> Estimate:
    """One number of one set of samples, with its interval and both fills.

    Args:
        sample: the scores; unscored rows are counted by reason and, but for `outside`, filled.
        range: lowest and highest possible score, and value.
        direction: which values are better.
        ideal: the ideal, where it lies in the middle.
        level: of the interval.
        statistic: `MEAN`, or a statistic over the corpus.
        seed: of random groups of clusters; 0 is a seed too.
        labels: id; perhaps signature, guard, cited.

    Raises:
        MeasurementError: a score outside its range.
    """
    (sample,) = encoded([sample])
    reading = statistic.read(sample, range, seed)
    filled = (reading, reading) if sample.fillable == 0 else _filled(statistic, sample, range, seed)
    return Estimate(
        **labels,
        **_numbers(reading, filled, level),
        null=reading.null,
        direction=direction,
        ideal=ideal,
        range=range,
        n=sample.n,
        **_clusters([sample]),
        unscored=sample.unscored(),
    )


def contrast(
    columns: Mapping[str, ScoreColumn],
    *,
    range: Range,
    level: float = 0.95,
    statistic: Statistic = MEAN,
    seed: int = 0,
    **labels: Unpack[Labels],
) -> Estimate:
    """The largest gap, or the smallest ratio, between the groups of an axis, by all pairwise contrasts.

    The id says which: `gap` (range 0 to high − low, lower is better) or `smallest_ratio` (0 to 1, higher is better).

    Args:
        columns: group → its scores.
        range: lowest and highest possible score, not of the contrast.
        level: of the interval.
        statistic: a mean, or a statistic over the corpus (then only `gap`).
        seed: of random groups of clusters.
        labels: id; perhaps signature, guard, cited.

    Returns:
        An estimate whose value is `None` where a group has no scored sample, or where all means are 0 in a ratio. n and
        the reasons count all groups together; clusters are those of the group that has the fewest.

    Raises:
        MeasurementError: a score outside its range, a ratio of scores that can be negative, or of a corpus statistic,
            or an id without a contrast of groups.
    """
    op = _op(labels["id"])
    reading, filled = _contrasted(columns, op, range, statistic, seed)
    return _of_groups([columns], op, reading, filled, range, level, labels)


def joint_contrast(
    rates: Sequence[Mapping[str, ScoreColumn]], *, level: float = 0.95, **labels: Unpack[Labels]
) -> Estimate:
    """The largest gap, or the smallest ratio, of several rates between the same groups, as in equalized odds.

    Args:
        rates: for each rate, group → its scores in [0, 1].
        level: of the interval.
        labels: id; perhaps signature, guard, cited.

    Raises:
        MeasurementError: a score outside [0, 1], or an id without a contrast of groups.
    """
    op = _op(labels["id"])
    readings = [_contrasted(columns, op, (0.0, 1.0), MEAN, 0) for columns in rates]
    lowest, highest = (joined(op, [fills[end] for _, fills in readings]) for end in (0, 1))
    reading = joined(op, [reading for reading, _ in readings])
    return _of_groups(rates, op, reading, (lowest, highest), (0.0, 1.0), level, labels)


def _op(name: EstimateId) -> Op:
    if name.contrast not in ("gap", "smallest_ratio"):
        raise MeasurementError(f"{name}: names no contrast of groups; make it a gap or a smallest_ratio")
    return name.contrast


def _of_groups(
    rates: Sequence[Mapping[str, ScoreColumn]], op: Op, reading: Reading, filled: tuple[Reading, Reading],
    range: Range, level: float, labels: Labels,
) -> Estimate:
    columns = [column for groups in rates for column in groups.values()]
    reasons: Counter[Reason] = Counter()
    for column in columns:
        reasons.update(column.unscored())
    if len(rates) > 1:  # a row outside one rate is inside another
        reasons.pop("outside", None)
    is_gap = op == "gap"
    return Estimate(
        **labels,
        **_numbers(reading, filled, level),
        direction="lower" if is_gap else "higher",
        range=(0.0, range[1] - range[0]) if is_gap else (0.0, 1.0),
        n=sum(column.n for column in columns),
        **_clusters(columns),
        unscored=dict(sorted(reasons.items())),
    )


def _contrasted(
    columns: Mapping[str, ScoreColumn], op: Op, range: Range, statistic: Statistic, seed: int
) -> tuple[Reading, tuple[Reading, Reading]]:
    missing = any(column.fillable for column in columns.values())
    if isinstance(statistic, CorpusStatistic):
        if op != "gap":
            raise MeasurementError(f"{statistic.name}: no interval is known for a ratio of it; compare by differences")
        reading = corpus_gap(statistic, columns, range, seed)
        return reading, corpus_gap_fills(statistic, columns, range, seed) if missing else (reading, reading)
    reading = gap(columns, range) if op == "gap" else smallest_ratio(columns, range)
    return reading, contrast_fills(op, columns, range) if missing else (reading, reading)


def _filled(statistic: Statistic, sample: ScoreColumn, range: Range, seed: int) -> tuple[Reading, Reading]:
    low, high = statistic.fills(sample, range) or (None, None)
    unknown = Reading(None, None, NO_FILL)
    return (
        unknown if low is None else statistic.read(low, range, seed),
        unknown if high is None else statistic.read(high, range, seed),
    )


class _Numbers(TypedDict):
    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    spread: Spread | None
    shown_only: ShownOnly | None
    at_lowest_fill: Fill
    at_highest_fill: Fill


def _numbers(reading: Reading, filled: tuple[Reading, Reading], level: float) -> _Numbers:
    fill = _fill(reading, level)
    bars = [number.shown_only for number in (reading, *filled)]
    return {
        "value": fill.value,
        "low": fill.low,
        "high": fill.high,
        "level": level,
        "method": reading.method,
        "spread": fill.spread,
        "shown_only": next((bar for bar in bars if bar is not None), None),
        "at_lowest_fill": _fill(filled[0], level),
        "at_highest_fill": _fill(filled[1], level),
    }


def _fill(reading: Reading, level: float) -> Fill:
    low, high = interval(reading.spread, level)
    return Fill(value=reading.value, low=low, high=high, spread=reading.spread)


class _Clusters(TypedDict):
    clusters: int
    effective_clusters: float


def _clusters(columns: Iterable[ScoreColumn]) -> _Clusters:
    """Clusters of the scored rows; of several groups those of the group that has fewest."""
    scored = [column.scored for column in columns]
    designs = [Design.of(column.clusters if column.n else (), column.n) for column in scored]
    return {
        "clusters": min((design.count for design in designs), default=0),
        "effective_clusters": min((design.effective for design in designs), default=0.0),
    }
