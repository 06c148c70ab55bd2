"""The largest gap of a corpus statistic between groups, by all pairwise contrasts (statistics §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from auditkit.schema import Compound
from auditkit.stats.columns import Range, ScoreColumn
from auditkit.stats.contrasts import TOO_FEW_GROUPS, combine
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.means import NO_SCORES, Reading

NO_FILL = "none (no fill is known)"
EQUAL = "groups that the missing answers could make equal"


@dataclass(frozen=True, eq=False)
class _Filled:
    """A group's rows at one fill, and the statistic there."""

    column: ScoreColumn
    value: float


@dataclass(frozen=True, eq=False)
class _Fills:
    """A group at its lowest and at its highest fill; the same where nothing is missing."""

    low: _Filled
    high: _Filled


def corpus_gap(statistic: CorpusStatistic, columns: Mapping[str, ScoreColumn], range: Range, seed: int) -> Reading:
    """Largest − smallest value of k groups; each pair's difference has an interval of its own.

    Args:
        statistic: what is compared.
        columns: group → its scores.
        range: of the statistic.
        seed: of random groups of clusters.
    """
    if len(columns) < 2:
        return Reading(None, None, TOO_FEW_GROUPS)
    scored = [column.scored for column in columns.values()]
    if any(column.n == 0 for column in scored):
        return Reading(None, None, NO_SCORES)
    values = [statistic.value(column.parts) for column in scored]
    defined = [value for value in values if value is not None]
    if len(defined) < len(values):
        return Reading(None, None, f"none (undefined in a group: {statistic.undefined})")
    pairs = [statistic.difference(a, b, range, seed) for a, b in combinations(scored, 2)]
    return combine("gap", max(defined) - min(defined), pairs)


def corpus_gap_fills(
    statistic: CorpusStatistic, columns: Mapping[str, ScoreColumn], range: Range, seed: int
) -> tuple[Reading, Reading]:
    """The gap where each pair of groups is filled towards and away from each other, which bounds every way of filling
    all groups at once. Without a lowest or highest fill of every group there is no bound."""
    unknown = Reading(None, None, NO_FILL)
    filled = [_fills(statistic, column, range) for column in columns.values()]
    groups = [group for group in filled if group is not None]
    if len(groups) < 2 or len(groups) < len(filled):
        return unknown, unknown
    nearest = [_nearest(statistic, a, b, range, seed) for a, b in combinations(groups, 2)]
    furthest = [_furthest(statistic, a, b, range, seed) for a, b in combinations(groups, 2)]
    return _outermost(nearest), _outermost(furthest)


def _outermost(pairs: list[Reading]) -> Reading:
    return combine("gap", max(abs(pair.value or 0.0) for pair in pairs), pairs)


def _fills(statistic: CorpusStatistic, column: ScoreColumn, range: Range) -> _Fills | None:
    columns = (column.scored, column.scored) if column.fillable == 0 else statistic.fills(column, range)
    lowest, highest = columns or (None, None)
    if lowest is None or highest is None or lowest.n == 0:
        return None
    low, high = statistic.value(lowest.parts), statistic.value(highest.parts)
    return None if low is None or high is None else _Fills(_Filled(lowest, low), _Filled(highest, high))


def _furthest(statistic: CorpusStatistic, a: _Fills, b: _Fills, range: Range, seed: int) -> Reading:
    """The larger of the two differences that filling the groups apart can reach."""
    upward, downward = a.high.value - b.low.value, b.high.value - a.low.value
    first, second = (a.high, b.low) if upward >= downward else (a.low, b.high)
    return statistic.difference(first.column, second.column, range, seed)


def _nearest(statistic: CorpusStatistic, a: _Fills, b: _Fills, range: Range, seed: int) -> Reading:
    """The difference where the groups are filled towards each other; 0 where their fills overlap."""
    if a.low.value > b.high.value:
        return statistic.difference(a.low.column, b.high.column, range, seed)
    if b.low.value > a.high.value:
        return statistic.difference(a.high.column, b.low.column, range, seed)
    # the missing answers could make them equal: a group against itself has that difference, and an interval around it
    alone = statistic.read(a.high.column, range, seed)
    if alone.spread is None:
        return Reading(0.0, None, alone.method)
    return Reading(
        0.0, Compound(op="difference", parts=(alone.spread, alone.spread)), EQUAL, shown_only=alone.shown_only
    )
