"""How far confidence can be believed: parts `confidence` (0 to 1) and `correct` (0 or 1).

Sources: Naeini et al. 2015 and Guo et al. 2017 (equal width); Nixon et al. 2019 (equal mass); Geifman and El-Yaniv
2017 (AURC).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from auditkit.stats.clusters import Codes
from auditkit.stats.columns import Floats
from auditkit.stats.corpus import Additive, CorpusStatistic, Fills, Parts, Prepared, Weighted
from auditkit.stats.labels import ties

BINS = 15
"""Bins of equal width (lo, hi], the first one closed, or of equal mass."""
_NULL_DRAWS = 500
_CERTAIN = 2.0
"""A confidence above all others, for fills: an unscored sample put first."""


def _bins(confidence: Floats) -> Codes:
    return np.maximum(np.searchsorted(np.linspace(0, 1, BINS + 1), confidence, side="left") - 1, 0)


def _equal_width(parts: Parts) -> Prepared:
    bins, gaps = _bins(parts["confidence"]), parts["correct"] - parts["confidence"]
    extra = parts.get("extra", np.zeros(len(bins)))
    inside = np.where(extra == 0, gaps, 0.0)

    def sums(codes: Codes, count: int) -> Floats:
        """Sums of gaps a bin, of extra change, and of rows, a draw each: shape (count, BINS + 2)."""
        table = np.bincount(codes * BINS + bins, inside, count * BINS).reshape(count, BINS)
        return np.column_stack([table, np.bincount(codes, extra, count), np.bincount(codes, minlength=count)])

    def combine(totals: Floats) -> Floats:
        """The error of each draw, 0 to 1."""
        error = np.abs(totals[:, :BINS]).sum(axis=1) + totals[:, BINS]
        return np.asarray(np.clip(error / totals[:, BINS + 1], 0, 1))

    return Additive(sums, combine)


def _error_fill(parts: Parts, missing: npt.NDArray[np.bool_]) -> Fills:
    """A sample changes n·ECE by at most 1 either way: (n·ECE ∓ u)/(n + u)."""
    change = missing.astype(np.float64)
    return {**parts, "extra": -change}, {**parts, "extra": change}


def _equal_mass(parts: Parts) -> Prepared:
    """Samples of one confidence take their mean correctness, so that their order within and between bins is moot."""
    order = np.argsort(parts["confidence"], kind="stable")
    confidence = parts["confidence"][order]
    gaps, starts = (parts["correct"] - parts["confidence"])[order], ties(confidence)

    def one(weights: Floats) -> float:
        """The error of one draw, weights (n,) in order of confidence; NaN where no row is left."""
        sizes = np.add.reduceat(weights, starts)
        means = np.add.reduceat(weights * gaps, starts) / np.where(sizes > 0, sizes, 1)
        expanded = np.repeat(means, sizes.astype(np.intp))
        n = len(expanded)
        if n == 0:
            return float("nan")
        edges = np.linspace(0, n, min(BINS, n) + 1).astype(np.intp)[:-1]
        return float(np.abs(np.add.reduceat(expanded, edges)).sum() / n)

    return Weighted(lambda weights: np.array([one(row[order]) for row in weights]))


def _null(prepare: Callable[[Parts], Prepared]) -> Callable[[Parts, int], float]:
    def null(parts: Parts, seed: int) -> float:
        """Mean error of a model whose confidences are exactly right: answers drawn with those probabilities."""
        rng, n = np.random.default_rng(seed), len(parts["confidence"])
        errors, every = [], np.arange(n)
        for _ in range(_NULL_DRAWS):
            drawn = (rng.random(n) < parts["confidence"]).astype(np.float64)
            weigh = prepare({"confidence": parts["confidence"], "correct": drawn}).over(every, n)
            errors.append(float(weigh(np.ones((1, n)))[0]))
        return float(np.mean(errors))

    return null


def _null_width(parts: Parts, seed: int) -> float:
    rng, bins = np.random.default_rng(seed), _bins(parts["confidence"])
    draws = rng.random((_NULL_DRAWS, len(bins))) < parts["confidence"]
    table = np.zeros((len(bins), BINS))
    table[np.arange(len(bins)), bins] = 1.0
    return float(np.abs((draws - parts["confidence"]) @ table).sum(axis=1).mean() / len(bins))


def _risk_coverage(parts: Parts) -> Prepared:
    """(1/n)·Σ_k (1/k)·Σ_{i≤k} loss_(i) by descending confidence, averaged over the orders of equal confidences."""
    order = np.argsort(-parts["confidence"], kind="stable")
    losses, starts = (1 - parts["correct"])[order], ties(parts["confidence"][order])

    def one(weights: Floats) -> float:
        """The area of one draw, weights (n,) by descending confidence; NaN where no row is left."""
        sizes = np.add.reduceat(weights, starts)
        means = np.add.reduceat(weights * losses, starts) / np.where(sizes > 0, sizes, 1)
        expanded = np.repeat(means, sizes.astype(np.intp))
        if len(expanded) == 0:
            return float("nan")
        return float((expanded.cumsum() / np.arange(1, len(expanded) + 1)).mean())

    return Weighted(lambda weights: np.array([one(row[order]) for row in weights]))


def _risk_fill(parts: Parts, missing: npt.NDArray[np.bool_]) -> Fills:
    """Put first, as surest of all, a right answer lowers every partial mean and a wrong one raises it."""
    confidence = np.where(missing, _CERTAIN, parts["confidence"])
    right, wrong = np.where(missing, 1.0, parts["correct"]), np.where(missing, 0.0, parts["correct"])
    return {"confidence": confidence, "correct": right}, {"confidence": confidence, "correct": wrong}


expected_calibration_error = CorpusStatistic(
    "expected_calibration_error", _equal_width, _error_fill, null=_null_width
)
adaptive_calibration_error = CorpusStatistic("adaptive_calibration_error", _equal_mass, null=_null(_equal_mass))
aurc = CorpusStatistic("aurc", _risk_coverage, _risk_fill)
