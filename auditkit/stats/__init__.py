"""Intervals, tests, multiplicity, resampling and power: columns of numbers in, records out.

Modules:
    intervals     the limits of a `Spread` at any level, and p-values as their inversion
    columns       `ScoreColumn`: values, reasons and clusters, one row a sample
    clusters      cluster sums, the sandwich variance, effective sample sizes
    means         a mean or share with the spread that fits its kind of score
    contrasts     differences and ratios of two groups; largest gap and smallest ratio of k groups
    fills         what the samples without a score could have made of a number
    estimates     builders of `Estimate` records; the seam for statistics that are not means
    paired        two systems, or two sides of a swap, on the same samples
    multiplicity  Holm, Benjamini–Hochberg, Benjamini–Yekutieli
    resampling    cluster bootstrap, BCa and bootstrap-t
    corpus        statistics over a corpus that are no means: weights, cluster bootstrap, fills
    corpus_gaps   their largest gap between groups
    labels        macro and weighted F1, Matthews correlation, AUROC
    counts        pooled F1 and shares, multi-label F1, BLEU, chrF
    calibration   calibration errors with their null, risk–coverage
    correlation   Pearson and Spearman
    power         sample sizes, detectable differences, and the n that would decide a check

Everything here is exported lazily: importing this package loads neither numpy nor scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditkit.stats.columns import ScoreColumn
    from auditkit.stats.estimates import contrast, estimate
    from auditkit.stats.intervals import interval, p_value
    from auditkit.stats.multiplicity import bh, by, holm
    from auditkit.stats.paired import paired_difference, paired_p
    from auditkit.stats.power import n_to_decide

__all__ = [
    "ScoreColumn",
    "bh",
    "by",
    "contrast",
    "estimate",
    "holm",
    "interval",
    "n_to_decide",
    "p_value",
    "paired_difference",
    "paired_p",
]

_HOME = {
    "ScoreColumn": "columns",
    "bh": "multiplicity",
    "by": "multiplicity",
    "contrast": "estimates",
    "estimate": "estimates",
    "holm": "multiplicity",
    "interval": "intervals",
    "n_to_decide": "power",
    "p_value": "intervals",
    "paired_difference": "paired",
    "paired_p": "paired",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"auditkit.stats.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
