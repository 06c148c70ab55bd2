"""Differences and ratios of groups (statistics §1, §2 and §8).

Groups that share clusters are linearised, so that what a template does to both cancels. Where few clusters hold any
variation, the linearised error falls towards zero ("nobody failed" would be certainty): it is widened as Bonett and
Price widen pairs, by one imagined cluster of each sign, with the weight that §2 gives to the number of clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Literal

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.schema import Compound, Spread, StudentT
from auditkit.stats.clusters import Design, naive_error, trust
from auditkit.stats.columns import Floats, Range, ScoreColumn, encoded, together
from auditkit.stats.means import NO_SCORES, TOO_FEW, Reading, check_range, is_pairs, is_share, mean_reading

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
        Linearised Student's t where any cluster holds both groups; else Newcombe (MOVER for scores that are no shares).
    """
    a, b = a.scored, b.scored
    if a.n == 0 or b.n == 0:
        return Reading(None, None, NO_SCORES)
    check_range(a.values, range)
    check_range(b.values, range)
    value = float(a.values.mean() - b.values.mean())
    if not share_clusters(a, b):
        name = "Newcombe" if is_share(a.values, range) and is_share(b.values, range) else "MOVER"
        return _of_parts("difference", a, b, range, value, name)
    # a cluster's influence is what it adds to A's mean less what it adds to B's: what it does to both cancels
    count = _fewest_clusters(a, b)
    if count < 2:
        return Reading(value, None, TOO_FEW)
    width = range[1] - range[0]
    variance = _linear_variance(a, b, 1.0, 1.0, width) + _unseen(a, range) + _unseen(b, range)
    spread = StudentT(mean=value, se=math.sqrt(variance), df=count - 1, range=(-width, width))
    return Reading(value, spread, f"linearised t ({count - 1} df)")


def ratio(a: ScoreColumn, b: ScoreColumn, range: Range = (0.0, 1.0)) -> Reading:
    """Mean of A ÷ mean of B.

    Args:
        a: scores of the first group; unscored rows are left out.
        b: scores of the second group, with the same cluster factors.
        range: of the scores, not below 0.

    Returns:
        Log-linearised Student's t where clusters hold both groups and enough of them hold variation in each; else
        MOVER-R on the groups' limits. Value and upper limit are `None` where B is 0.

    Raises:
        MeasurementError: the range reaches below 0.
    """
    if range[0] < 0:
        raise MeasurementError(f"a ratio of scores in {range} has no meaning; compare them by their difference")
    a, b = a.scored, b.scored
    if a.n == 0 or b.n == 0:
        return Reading(None, None, NO_SCORES)
    check_range(a.values, range)
    check_range(b.values, range)
    mean_a, mean_b = float(a.values.mean()), float(b.values.mean())
    value = mean_a / mean_b if mean_b > 0 else None
    # log-linearised only where it holds: with positive means, and with variation seen in enough clusters of each
    if not share_clusters(a, b) or mean_a <= 0 or mean_b <= 0 or _unseen(a, range) + _unseen(b, range) > 0:
        return _of_parts("ratio", a, b, range, value, "MOVER-R")
    count = _fewest_clusters(a, b)
    if count < 2:
        return Reading(value, None, TOO_FEW)
    error = math.sqrt(_linear_variance(a, b, mean_a, mean_b, range[1] - range[0]))
    spread = StudentT(mean=math.log(mean_a / mean_b), se=error, df=count - 1, log=True)
    return Reading(value, spread, f"log-linearised t ({count - 1} df)")


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
    return Reading(value, Compound(op=op, parts=tuple(parts)), method)


def _of_parts(
    op: Literal["difference", "ratio"], a: ScoreColumn, b: ScoreColumn, range: Range, value: float | None, name: str
) -> Reading:
    parts = [mean_reading(group.values, group.clusters, range, exact=False).spread for group in (a, b)]
    spreads: list[Spread] = [part for part in parts if part is not None]
    if len(spreads) < 2:
        return Reading(value, None, TOO_FEW)
    return Reading(value, Compound(op=op, parts=tuple(spreads)), name)


def _fewest_clusters(a: ScoreColumn, b: ScoreColumn) -> int:
    """The degrees of freedom come from the group with fewer clusters; all share them in a balanced design."""
    return min(Design.of(group.clusters, group.n).count for group in (a, b))


def _linear_variance(a: ScoreColumn, b: ScoreColumn, scale_a: float, scale_b: float, width: float) -> float:
    """Σe_c² × G/(G−1) with e the influences of both groups; the naive one where every cluster cancels exactly."""
    influence: Floats = np.concatenate(
        [(a.values - a.values.mean()) / (a.n * scale_a), -(b.values - b.values.mean()) / (b.n * scale_b)]
    )
    # of a ratio, by the delta method: log A − log B has the influences of A and B over their means
    both = together(a, b)
    variance = Design.of(both.clusters, both.n).variance(influence)
    if math.sqrt(variance) > 1e-12 * width:
        return variance
    # all clusters cancel exactly: no certainty, but that of independent samples
    return sum(
        (naive_error(group.values) / scale) ** 2 for group, scale in ((a, scale_a), (b, scale_b)) if group.n > 1
    )


def _unseen(group: ScoreColumn, range: Range) -> float:
    """Variance for what few clusters have not shown: ((high − low)/G_K)² × (1 − w); 0 for graded scores.

    w counts the clusters that hold a score other than the commonest one.
    """
    values = group.values
    if not (is_share(values, range) or is_pairs(values, range) or np.ptp(values) == 0):
        return 0.0
    design = Design.of(group.clusters, group.n)
    levels, counts = np.unique(values, return_counts=True)
    informative = design.containing(values != levels[counts.argmax()])
    return (1 - trust(informative)) * ((range[1] - range[0]) / design.kish) ** 2
