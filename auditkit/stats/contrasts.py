"""Differences and ratios of groups (statistics §1, §2, §3 and §8).

Each group keeps its own limits; MOVER joins them. Groups whose clusters hold rows of both have something in common,
which counts for half of what was seen where it narrows the interval, since each side's limits are wider than its
variance alone would make them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Literal

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.schema import Compound
from auditkit.stats.clusters import Design, correlation
from auditkit.stats.columns import Codes, Floats, Range, ScoreColumn, encoded
from auditkit.stats.means import NO_SCORES, TOO_FEW, Reading, check_range, mean_reading, share_spread, shown_only

Op = Literal["gap", "smallest_ratio"]
Contrast = Callable[[ScoreColumn, ScoreColumn, Range], Reading]

TOO_FEW_GROUPS = "none (fewer than two groups)"


def difference(a: ScoreColumn, b: ScoreColumn, range: Range = (0.0, 1.0)) -> Reading:
    """Mean of A − mean of B.

    Args:
        a: scores of the first group; unscored rows are left out.
        b: scores of the second group, with the same cluster factors.
        range: of the scores; the difference lies within ±(high − low).

    Returns:
        The paired rule where every cluster holds exactly one row of each group; else MOVER on the groups' limits.
    """
    a, b = encoded([a.scored, b.scored])
    if a.n == 0 or b.n == 0:
        return Reading(None, None, NO_SCORES)
    check_range(a.values, range)
    check_range(b.values, range)
    pairs = _pairs(a, b)
    if pairs is not None:
        width = range[1] - range[0]
        return mean_reading(pairs, (), (-width, width))
    return _of_sides("difference", a, b, range, float(a.values.mean() - b.values.mean()))


def ratio(a: ScoreColumn, b: ScoreColumn, range: Range = (0.0, 1.0)) -> Reading:
    """Mean of A ÷ mean of B.

    Args:
        a: scores of the first group; unscored rows are left out.
        b: scores of the second group, with the same cluster factors.
        range: of the scores, not below 0.

    Returns:
        MOVER-R on the groups' limits. Value and upper limit are `None` where B is 0.

    Raises:
        MeasurementError: the range reaches below 0.
    """
    if range[0] < 0:
        raise MeasurementError(f"a ratio of scores in {range} has no meaning; compare them by their difference")
    a, b = encoded([a.scored, b.scored])
    if a.n == 0 or b.n == 0:
        return Reading(None, None, NO_SCORES)
    check_range(a.values, range)
    check_range(b.values, range)
    mean_a, mean_b = float(a.values.mean()), float(b.values.mean())
    return _of_sides("ratio", a, b, range, mean_a / mean_b if mean_b > 0 else None)


def gap(columns: Mapping[str, ScoreColumn], range: Range = (0.0, 1.0)) -> Reading:
    """The largest difference between any two of k groups, by all pairwise contrasts.

    Args:
        columns: group → scores.
        range: of the scores; the gap lies in [0, high − low].
    """
    return _over_pairs("gap", difference, columns, range)


def smallest_ratio(columns: Mapping[str, ScoreColumn], range: Range = (0.0, 1.0)) -> Reading:
    """The smallest ratio between any two of k groups, lowest mean ÷ highest; in [0, 1].

    Args:
        columns: group → scores.
        range: of the scores, not below 0.
    """
    return _over_pairs("smallest_ratio", ratio, columns, range)


def share_clusters(a: ScoreColumn, b: ScoreColumn) -> bool:
    """Any cluster, of any factor, holds rows of both."""
    return any(len(np.intersect1d(x, y)) > 0 for x, y in zip(a.clusters, b.clusters, strict=True))


def contrast_value(op: Op, means: list[float]) -> float | None:
    """Largest − smallest mean, or smallest ÷ largest; `None` for fewer than two groups, or where all are 0."""
    if len(means) < 2:
        return None
    if op == "gap":
        return max(means) - min(means)
    return min(means) / max(means) if max(means) > 0 else None


def _over_pairs(op: Op, contrast: Contrast, columns: Mapping[str, ScoreColumn], range: Range) -> Reading:
    if len(columns) < 2:
        return Reading(None, None, TOO_FEW_GROUPS)
    scored = encoded(column.scored for column in columns.values())
    if any(column.n == 0 for column in scored):
        return Reading(None, None, NO_SCORES)
    value = contrast_value(op, [float(column.values.mean()) for column in scored])
    return combine(op, value, [contrast(a, b, range) for a, b in combinations(scored, 2)])


def combine(op: Op, value: float | None, contrasts: list[Reading]) -> Reading:
    """One reading from those of all pairwise contrasts."""
    names = sorted({reading.method for reading in contrasts})
    parts = [reading.spread for reading in contrasts if reading.spread is not None]
    if value is None or len(parts) < len(contrasts):
        return Reading(value, None, next((name for name in names if name.startswith("none")), "none (all groups at 0)"))
    method = f"{len(parts)} pairwise contrast{'s' if len(parts) > 1 else ''}: {', '.join(names)}"
    bars = [reading.shown_only for reading in contrasts if reading.shown_only is not None]
    return Reading(value, Compound(op=op, parts=tuple(parts)), method, shown_only=bars[0] if bars else None)


def joined(op: Op, contrasts: list[Reading]) -> Reading:
    """The largest gap, or smallest ratio, of several quantities, each contrasted between the same groups.

    Their pairwise contrasts are one family: the correction for many of them counts all.
    """
    if len(contrasts) == 1:
        return contrasts[0]
    values = [reading.value for reading in contrasts if reading.value is not None]
    parts = [part for reading in contrasts if isinstance(reading.spread, Compound) for part in reading.spread.parts]
    bar = next((reading.shown_only for reading in contrasts if reading.shown_only is not None), None)
    undefined = [reading for reading in contrasts if reading.value is None]
    if undefined:
        return Reading(None, None, undefined[0].method)
    value = max(values) if op == "gap" else min(values)
    without = [reading for reading in contrasts if reading.spread is None]
    if without:
        return Reading(value, None, without[0].method)
    method = f"{len(parts)} pairwise contrasts of {len(contrasts)} rates"
    return Reading(value, Compound(op=op, parts=tuple(parts)), method, shown_only=bar)


def _pairs(a: ScoreColumn, b: ScoreColumn) -> Floats | None:
    """A − B of every cluster, where each holds exactly one row of each group; else `None`."""
    if len(a.clusters) != 1 or a.n != b.n:
        return None
    codes_a, codes_b = a.clusters[0], b.clusters[0]
    order_a, order_b = np.argsort(codes_a, kind="stable"), np.argsort(codes_b, kind="stable")
    once = len(np.unique(codes_a)) == a.n
    if not once or not np.array_equal(codes_a[order_a], codes_b[order_b]):
        return None
    pairs: Floats = a.values[order_a] - b.values[order_b]
    return pairs


def _of_sides(
    op: Literal["difference", "ratio"], a: ScoreColumn, b: ScoreColumn, range: Range, value: float | None
) -> Reading:
    designs = [Design.of(group.clusters, group.n) for group in (a, b)]
    if min(design.count for design in designs) < 2:
        return Reading(value, None, TOO_FEW)
    parts = tuple(share_spread(group.values, design, range) for group, design in zip((a, b), designs, strict=True))
    r = _correlation(a, b) if share_clusters(a, b) else 0.0
    bars = [bar for bar in map(shown_only, designs) if bar is not None]
    name = "MOVER" if op == "difference" else "MOVER-R"
    return Reading(value, Compound(op=op, parts=parts, r=r), name, shown_only=bars[0] if bars else None)


def _correlation(a: ScoreColumn, b: ScoreColumn) -> float:
    """Of the groups' residual sums over clusters; half of it where it would narrow the interval."""
    residuals = [_residuals(group) for group in (a, b)]
    r = correlation(*residuals)
    return min(r, r / 2)


def _residuals(group: ScoreColumn) -> list[tuple[Codes, Floats]]:
    return [(codes, group.values - group.values.mean()) for codes in group.clusters]
