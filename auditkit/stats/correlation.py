"""Correlations of two columns: parts `predicted` and `gold`. What an unscored sample could do to them is not known."""

from __future__ import annotations

import numpy as np

from auditkit.stats.clusters import Codes
from auditkit.stats.columns import Floats
from auditkit.stats.corpus import Additive, CorpusStatistic, Parts, Prepared, Weighted
from auditkit.stats.labels import ties

_FLAT = 1e-12
"""Relative variance below which a column counts as constant."""


def _standard(column: Floats) -> Floats:
    deviation = float(column.std())
    return np.zeros(len(column)) if deviation == 0 else (column - column.mean()) / deviation


def _pearson(parts: Parts) -> Prepared:
    x, y = (_standard(np.asarray(parts[name], dtype=np.float64)) for name in ("predicted", "gold"))
    return Additive.of([np.ones(len(x)), x, y, x * x, y * y, x * y], lambda sums: _correlation(*sums.T))


def _correlation(n: Floats, x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    known = (spread_x > _FLAT * n * np.maximum(xx, 1e-300)) & (spread_y > _FLAT * n * np.maximum(yy, 1e-300))
    below = np.sqrt(np.where(known, spread_x * spread_y, 1))
    return np.where(known, np.clip((n * xy - x * y) / below, -1, 1), np.nan)


def _spearman(parts: Parts) -> Prepared:
    """Pearson of midranks; a row drawn twice stands twice in the ranking."""
    ranked = [_ranking(np.asarray(parts[name], dtype=np.float64)) for name in ("predicted", "gold")]

    def compute(weights: Floats) -> Floats:
        """The correlation of each draw, weights (G, n): shape (G,), −1 to 1, NaN where undefined."""
        x, y = (_midranks(weights, *ranking) for ranking in ranked)
        n = weights.sum(axis=1)
        # centred, so that squares of large ranks do not cancel
        x, y = x - (n[:, None] + 1) / 2, y - (n[:, None] + 1) / 2
        sums = [(weights * part).sum(axis=1) for part in (x, y, x * x, y * y, x * y)]
        return _correlation(n, *sums)

    return Weighted(compute)


def _ranking(column: Floats) -> tuple[Codes, Codes, Codes]:
    """Order, where each run of ties begins in it, and the run of each row."""
    order = np.argsort(column, kind="stable")
    starts = ties(column[order])
    runs = np.empty(len(column), dtype=np.intp)
    runs[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(column))))
    return order, starts, runs


def _midranks(weights: Floats, order: Codes, starts: Codes, runs: Codes) -> Floats:
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    return np.asarray((sizes.cumsum(axis=1) - sizes + (sizes + 1) / 2)[:, runs])


pearson_correlation = CorpusStatistic(
    "pearson_correlation", _pearson, undefined="all answers are equal, or all targets are"
)
spearman_correlation = CorpusStatistic(
    "spearman_correlation", _spearman, undefined="all answers are equal, or all targets are"
)
