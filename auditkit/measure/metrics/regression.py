"""Numbers that should go with numbers: correlations."""

from __future__ import annotations

import math

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure.answers import read_number
from auditkit.measure.definition import metric
from auditkit.schema import Output, Sample, Score
from auditkit.stats.columns import Floats
from auditkit.stats.corpus import statistic
from auditkit.stats.ranks import Ranking
from auditkit.stats.weighted import Additive, Parts, Weighted

_FLAT = 1e-12
"""Relative variance below which a column counts as constant."""
_UNDEFINED = "all answers are equal, or all targets are"


def _standard(column: Floats) -> Floats:
    """Centred and scaled, so that sums of squares do not cancel; a correlation does not depend on either."""
    deviation = float(column.std())
    return np.zeros(len(column)) if deviation == 0 else (column - column.mean()) / deviation


def _correlation(n: Floats, x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """Pearson's r from sums, shape (b,) each; NaN where a column is constant."""
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    varied = (spread_x > _FLAT * n * np.maximum(xx, 1e-300)) & (spread_y > _FLAT * n * np.maximum(yy, 1e-300))
    below = np.sqrt(np.where(varied, spread_x * spread_y, 1))
    return np.where(varied, np.clip((n * xy - x * y) / below, -1, 1), np.nan)


@statistic(undefined=_UNDEFINED, holds=True)
def linear_correlation(parts: Parts) -> Additive:
    """Pearson's r of parts `predicted` and `gold`. What an unscored sample could do to it is not known."""
    x, y = (_standard(np.asarray(parts[name], dtype=np.float64)) for name in ("predicted", "gold"))
    return Additive.of([np.ones(len(x)), x, y, x * x, y * y, x * y], lambda sums: _correlation(*sums.T))


@statistic(undefined=_UNDEFINED, holds=True)
def rank_correlation(parts: Parts) -> Weighted:
    """Pearson's r of midranks; a row drawn twice stands twice in the ranking."""
    rankings = [Ranking.of(np.asarray(parts[name], dtype=np.float64)) for name in ("predicted", "gold")]

    def compute(weights: Floats) -> Floats:
        """The correlation of each draw, weights (b, n): shape (b,), −1 to 1, NaN where undefined."""
        x, y = (ranking.midranks(weights) for ranking in rankings)
        n = weights.sum(axis=1)
        # centred, so that squares of large ranks do not cancel
        x, y = x - (n[:, None] + 1) / 2, y - (n[:, None] + 1) / 2
        sums = [(weights * part).sum(axis=1) for part in (x, y, x * x, y * y, x * y)]
        return _correlation(n, *sums)

    return Weighted(compute)


def _pair(name: str, sample: Sample, output: Output) -> Score:
    if sample.target is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    number, reason = read_number(output)
    if number is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=reason)
    try:
        gold = float(sample.target)
    except ValueError:
        gold = math.nan
    if not math.isfinite(gold):
        raise MeasurementError(f'{sample.id}: the target "{sample.target}" is not a number; {name} needs numbers')
    parts: dict[str, float | str] = {"predicted": number, "gold": gold}
    return Score(sample_id=sample.id, metric=name, value=None, answer=f"{number:g}", parts=parts)


@metric("pearson_correlation", range=(-1, 1), direction="higher", statistic=linear_correlation,
        title="Pearson correlation")
def pearson_correlation(sample: Sample, output: Output) -> Score:
    """Linear correlation of answers and targets. Range [-1, 1], higher is better.

    A sample has no value of its own; undefined where all answers are equal, or all targets. What unscored samples could
    do to it is not known.
    """
    return _pair("pearson_correlation", sample, output)


@metric("spearman_correlation", range=(-1, 1), direction="higher", statistic=rank_correlation,
        title="Spearman correlation")
def spearman_correlation(sample: Sample, output: Output) -> Score:
    """Correlation of the ranks of answers and targets, equal numbers sharing a mean rank.

    Range [-1, 1], higher is better; else as Pearson's.
    """
    return _pair("spearman_correlation", sample, output)
