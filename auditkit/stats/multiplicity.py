"""Correction of a family of p-values. An undefined one ranks as 1 and still counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditkit.stats.columns import Floats


def holm(p: Sequence[float | None]) -> list[float]:
    """Holm's step-down: max_{j≤i} min(1, (m−j+1)·p_(j)), in the original order (Holm 1979)."""
    ordered, order = _sorted(p)
    m = len(ordered)
    return _restore(np.maximum.accumulate(np.minimum(1.0, (m - np.arange(m)) * ordered)), order)


def bh(p: Sequence[float | None]) -> list[float]:
    """Benjamini–Hochberg: min_{j≥i} min(1, m·p_(j)/j), in the original order (Benjamini and Hochberg 1995)."""
    ordered, order = _sorted(p)
    return _restore(np.minimum(1.0, _step_up(ordered)), order)


def by(p: Sequence[float | None]) -> list[float]:
    """Benjamini–Yekutieli, for any dependence: min(1, BH × Σ1/k) (Benjamini and Yekutieli 2001)."""
    ordered, order = _sorted(p)
    harmonic = float((1 / np.arange(1, len(ordered) + 1)).sum())
    return _restore(np.minimum(1.0, np.minimum(1.0, _step_up(ordered)) * harmonic), order)


def _sorted(p: Sequence[float | None]) -> tuple[Floats, list[int]]:
    values = np.array([1.0 if x is None else x for x in p], dtype=np.float64)
    if len(values) and not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p-values lie in [0, 1] or are None, not {list(p)}")
    order = np.argsort(values, kind="stable")
    return values[order], order.tolist()


def _step_up(ordered: Floats) -> Floats:
    m = len(ordered)
    scaled = m * ordered / np.arange(1, m + 1)
    return np.asarray(np.minimum.accumulate(scaled[::-1])[::-1])


def _restore(adjusted: Floats, order: list[int]) -> list[float]:
    restored = [0.0] * len(order)
    for value, index in zip(adjusted.tolist(), order, strict=True):
        restored[index] = value
    return restored
