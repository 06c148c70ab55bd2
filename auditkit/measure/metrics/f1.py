"""F1 of counts, as the metrics of classes and of entities share it. F1 = 2·TP/(gold + predicted).

`gold` and `predicted` count rows (or entities) of a class; hits are those that are both.
"""

from __future__ import annotations

import numpy as np

from auditkit.stats.columns import Floats


def f1(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    """F1, element by element; NaN where there was nothing to find and nothing was found."""
    size = gold + predicted
    return np.where(size > 0, 2 * hits / np.where(size > 0, size, 1), np.nan)


def macro_mean(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    """Unweighted mean of F1 over the classes that are gold of a row; arguments (b, K), result (b,)."""
    present = gold > 0
    return np.asarray(np.where(present, f1(hits, gold, predicted), 0).sum(axis=1) / present.sum(axis=1))


def weighted_mean(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    """Mean of F1 over the classes, weighted by their gold rows; arguments (b, K), result (b,)."""
    by_class = np.where(gold > 0, f1(hits, gold, predicted), 0)
    return np.asarray((gold * by_class).sum(axis=1) / gold.sum(axis=1))
