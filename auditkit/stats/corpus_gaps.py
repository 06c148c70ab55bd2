"""The largest gap of a corpus statistic between groups, by all pairwise contrasts (statistics §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

from auditkit.schema import Bootstrap
from auditkit.stats.columns import Range, ScoreColumn
from auditkit.stats.contrasts import TOO_FEW_GROUPS, combine
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.means import NO_SCORES, Reading

_Filled = tuple[tuple[ScoreColumn, float], tuple[ScoreColumn, float]]
"""A group at its lowest and at its highest fill, with the values there."""
NO_FILL = "none (no fill is known)"


def corpus_gap(statistic: CorpusStatistic, columns: Mapping[str, ScoreColumn], range: Range, seed: int) -> Reading:
    """Largest − smallest value of k groups; each pair's difference is bootstrapped at level 1 − α/pairs.

    Args:
        statistic: what is compared.
        columns: group → its scores.
        range: of the statistic.
        seed: of the resampling.
    """
    if len(columns) < 2:
        return Reading(None, None, TOO_FEW_GROUPS)
    scored = [column.scored for column in columns.values()]
    if any(column.n == 0 for column in scored):
        return Reading(None, None, NO_SCORES)
    values = [statistic.value(column.parts) for column in scored]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return Reading(None, None, f"none (undefined in a group: {statistic.undefined})")
    pairs = [statistic.difference(a, b, range, seed) for a, b in combinations(scored, 2)]
    return combine("gap", max(known) - min(known), pairs)


def corpus_gap_fills(
    statistic: CorpusStatistic, columns: Mapping[str, ScoreColumn], range: Range, seed: int
) -> tuple[Reading, Reading]:
    """The gap where each pair of groups is filled towards and away from each other."""
    unknown = Reading(None, None, NO_FILL)
    filled = [_filled(statistic, column, range) for column in columns.values()]
    groups = [one for one in filled if one is not None]
    if len(groups) < 2 or len(groups) < len(filled):
        return unknown, unknown
    nearest = [_nearest(statistic, a, b, range, seed) for a, b in combinations(groups, 2)]
    furthest = [_furthest(statistic, a, b, range, seed) for a, b in combinations(groups, 2)]
    return _outermost(nearest), _outermost(furthest)


def _outermost(pairs: list[Reading]) -> Reading:
    return combine("gap", max(abs(pair.value or 0.0) for pair in pairs), pairs)


def _filled(statistic: CorpusStatistic, column: ScoreColumn, range: Range) -> _Filled | None:
    found = (column.scored, column.scored) if column.fillable == 0 else statistic.fills(column, range)
    lowest, highest = found or (None, None)
    if lowest is None or highest is None or lowest.n == 0:
        return None
    low, high = statistic.value(lowest.parts), statistic.value(highest.parts)
    return None if low is None or high is None else ((lowest, low), (highest, high))


def _furthest(statistic: CorpusStatistic, a: _Filled, b: _Filled, range: Range, seed: int) -> Reading:
    upward, downward = a[1][1] - b[0][1], b[1][1] - a[0][1]
    first, second = (a[1][0], b[0][0]) if upward >= downward else (a[0][0], b[1][0])
    return statistic.difference(first, second, range, seed)


def _nearest(statistic: CorpusStatistic, a: _Filled, b: _Filled, range: Range, seed: int) -> Reading:
    if a[0][1] > b[1][1]:
        return statistic.difference(a[0][0], b[1][0], range, seed)
    if b[0][1] > a[1][1]:
        return statistic.difference(a[1][0], b[0][0], range, seed)
    # The missing answers could make them equal: as uncertain as the difference is, around 0.
    found = statistic.difference(a[1][0], b[1][0], range, seed)
    if not isinstance(found.spread, Bootstrap) or found.value is None:
        return replace(found, value=0.0)
    centred = tuple(quantile - found.value for quantile in found.spread.quantiles)
    return Reading(0.0, Bootstrap(levels=found.spread.levels, quantiles=centred), found.method)
