"""What samples without a score could have made of a number: its lowest and highest fill (statistics §9)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from auditkit.schema import Compound
from auditkit.stats.clusters import Design
from auditkit.stats.columns import Floats, Range, ScoreColumn, encoded
from auditkit.stats.contrasts import Contrast, Op, combine, contrast_value, difference, ratio
from auditkit.stats.means import TOO_FEW, Reading, share_spread, shown_only


def bounds(mean: float, n: int, unscored: int, range: Range = (0.0, 1.0)) -> Range:
    """Worst cases of a mean: ((n·s̄ + u·a)/(n+u), (n·s̄ + u·b)/(n+u)).

    Args:
        mean: of the n scored samples; of no importance at n = 0.
        n: scored samples.
        unscored: samples that could have had a score.
        range: lowest and highest possible score.

    Raises:
        ValueError: neither scored nor unscored samples.
    """
    total = n + unscored
    if total == 0:
        raise ValueError("nothing was scored and nothing is missing: there are no bounds")
    scored = n * mean if n else 0.0
    return (scored + unscored * range[0]) / total, (scored + unscored * range[1]) / total


def contrast_fills(op: Op, columns: Mapping[str, ScoreColumn], range: Range = (0.0, 1.0)) -> tuple[Reading, Reading]:
    """Lowest and highest gap, or smallest ratio, of k groups.

    Each pairwise contrast is taken at its own fill, nearest to or furthest from equality, which bounds every way of
    filling all groups at once.

    Args:
        op: `gap` or `smallest_ratio`.
        columns: group → scores.
        range: lowest and highest possible score.

    Returns:
        The readings at the lowest and at the highest value.
    """
    # no fill of all groups at once is searched: its pairwise contrasts lie between these
    groups = encoded(columns.values())
    if len(groups) < 2 or any(group.n + group.fillable == 0 for group in groups):
        empty = Reading(None, None, "none (a group without samples, or fewer than two groups)")
        return empty, empty
    nearest = [_nearest(op, a, b, range) for a, b in combinations(groups, 2)]
    furthest = [_furthest(op, a, b, range) for a, b in combinations(groups, 2)]
    near, far = _outermost(op, nearest), _outermost(op, furthest)
    return (near, far) if op == "gap" else (far, near)


def pair_fills(a: Floats, b: Floats, range: Range = (0.0, 1.0)) -> tuple[Floats, Floats]:
    """Lowest and highest A − B of each pair; NaN marks the unscored side.

    One side missing: [A−b, A−a] or [a−B, b−B]; both: [a−b, b−a].

    Args:
        a: scores of the first side, shape (n,).
        b: scores of the second side, aligned with a.
        range: lowest and highest possible score of a side.
    """
    low, high = range
    lowest = np.where(np.isnan(a), low, a) - np.where(np.isnan(b), high, b)
    return lowest, np.where(np.isnan(a), high, a) - np.where(np.isnan(b), low, b)


def _means(group: ScoreColumn, range: Range) -> Range:
    mean = float(group.scored.values.mean()) if group.n else 0.0
    return bounds(mean, group.n, group.fillable, range)


def _contrast(op: Op) -> Contrast:
    return difference if op == "gap" else ratio


def _furthest(op: Op, a: ScoreColumn, b: ScoreColumn, range: Range) -> tuple[Reading, list[float]]:
    """The contrast and both means where the two groups are filled apart."""
    (low_a, high_a), (low_b, high_b) = _means(a, range), _means(b, range)
    # Ordered by the value that the contrast takes: high ÷ low picks the smaller ratio, as high − low the larger gap.
    upward = contrast_value(op, [high_a, low_b]) if high_a >= low_b else None
    downward = contrast_value(op, [low_a, high_b]) if high_b >= low_a else None
    further = _worse(op, upward, downward)
    if further is upward:
        return _contrast(op)(a.filled(range[1]), b.filled(range[0]), range), [high_a, low_b]
    return _contrast(op)(a.filled(range[0]), b.filled(range[1]), range), [low_a, high_b]


def _worse(op: Op, first: float | None, second: float | None) -> float | None:
    if first is None or second is None:
        return second if first is None else first
    return max(first, second) if op == "gap" else min(first, second)


def _nearest(op: Op, a: ScoreColumn, b: ScoreColumn, range: Range) -> tuple[Reading, list[float]]:
    """The contrast and both means where the two groups are filled towards each other."""
    (low_a, high_a), (low_b, high_b) = _means(a, range), _means(b, range)
    if low_a > high_b:
        return _contrast(op)(a.filled(range[0]), b.filled(range[1]), range), [low_a, high_b]
    if low_b > high_a:
        return _contrast(op)(a.filled(range[1]), b.filled(range[0]), range), [high_a, low_b]
    # They can be made equal. A group against itself has that value, and an interval around it.
    filled = a.filled(range[1])
    equality, design = 0.0 if op == "gap" else 1.0, Design.of(filled.clusters, filled.n)
    if design.count < 2:
        return Reading(equality, None, TOO_FEW), [high_a, high_a]
    alone = share_spread(filled.values, design, range)
    spread = Compound(op="difference" if op == "gap" else "ratio", parts=(alone, alone))
    method = "groups that the missing scores could make equal"
    return Reading(equality, spread, method, shown_only=shown_only(design)), [high_a, high_a]


def _outermost(op: Op, contrasts: list[tuple[Reading, list[float]]]) -> Reading:
    values = [contrast_value(op, means) for _, means in contrasts]
    defined = [value for value in values if value is not None]
    value = None if not defined else (max(defined) if op == "gap" else min(defined))
    return combine(op, value, [reading for reading, _ in contrasts])
