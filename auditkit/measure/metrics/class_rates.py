"""Error rates of one class against the rest, and the named contrasts of them between groups.

A class is named after the metric: `false_positive_rate:toxic`. Every rate is a mean of 1 and 0 over the rows of its
denominator: what lies outside is counted, and an empty denominator has no value (scikit-learn and fairlearn: 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from auditkit.measure.class_answers import NONE, ClassAnswers, ClassScores
from auditkit.measure.definition import metric
from auditkit.stats.columns import Floats, Mask, Strings
from auditkit.stats.corpus import statistic
from auditkit.stats.weighted import Additive, Fills, Parts

# The rates


@metric("selection_rate", range=(0, 1), direction="lower", by_class=True, contrasts=(), title="Selection rate")
def selection_rate(rows: ClassAnswers, positive: str) -> ClassScores:
    """Share of samples that are answered with the class. Range [0, 1]; a check bounds it as if lower is better.

    No value is better in itself: whether being selected helps or harms is not known here. Its contrasts between groups
    are `demographic_parity_difference` and `demographic_parity_ratio`.
    """
    return ClassScores.share(rows, np.ones(len(rows.gold), dtype=np.bool_), rows.answered == positive)


@metric("true_positive_rate", range=(0, 1), direction="higher", by_class=True, contrasts=(),
        title="True-positive rate (recall)")
def true_positive_rate(rows: ClassAnswers, positive: str) -> ClassScores:
    """Share of the samples of the class that are answered with it: recall. Range [0, 1], higher is better.

    Its largest difference between groups is `equal_opportunity_difference`.
    """
    return ClassScores.share(rows, rows.gold == positive, rows.answered == positive)


@metric("false_positive_rate", range=(0, 1), direction="lower", by_class=True, contrasts=("gap",),
        title="False-positive rate")
def false_positive_rate(rows: ClassAnswers, positive: str) -> ClassScores:
    """Share of the samples of other classes that are answered with the class. Range [0, 1], lower is better."""
    return ClassScores.share(rows, _others(rows, positive), rows.answered == positive)


@metric("false_negative_rate", range=(0, 1), direction="lower", by_class=True, contrasts=("gap",),
        title="False-negative rate")
def false_negative_rate(rows: ClassAnswers, positive: str) -> ClassScores:
    """Share of the samples of the class that are answered with another. Range [0, 1], lower is better."""
    return ClassScores.share(rows, rows.gold == positive, rows.answered != positive)


@metric("positive_predictive_value", range=(0, 1), direction="higher", by_class=True, contrasts=("gap",),
        title="Positive predictive value (precision)")
def positive_predictive_value(rows: ClassAnswers, positive: str) -> ClassScores:
    """Share of the samples answered with the class that are of it: precision. Range [0, 1], higher is better.

    A sample without an answer could be in the denominator, right or wrong, which bounds what it could be.
    """
    inside = (rows.gold != NONE) & ((rows.answered == positive) | ~rows.read)
    return ClassScores.share(rows, inside, rows.gold == positive)


def _others(rows: ClassAnswers, positive: str) -> Mask:
    return np.asarray((rows.gold != positive) & (rows.gold != NONE))


# F1, on parts `gold` and `answered` (1 where it is the class)


def _fill(parts: Parts, missing: Mask) -> Fills:
    """Lowest: every missing row is answered wrongly. Highest: rightly."""
    gold, answered = parts["gold"], parts["answered"]
    return (
        {"gold": gold, "answered": np.where(missing, 1 - gold, answered)},
        {"gold": gold, "answered": np.where(missing, gold, answered)},
    )


@statistic(fill=_fill, undefined="no row is of the class, and none is answered with it")
def f1_of_class(parts: Parts) -> Additive:
    """2·TP/(2·TP + FP + FN)."""
    gold, answered = parts["gold"], parts["answered"]

    def combine(sums: Floats) -> Floats:
        """F1 of each draw from hits and from gold and answered rows together; NaN where there are none."""
        return np.asarray(2 * sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan))

    return Additive.of([gold * answered, gold + answered], combine)


@metric("f1", range=(0, 1), direction="higher", by_class=True, title="F1", statistic=f1_of_class)
def f1(rows: ClassAnswers, positive: str) -> ClassScores:
    """F1 of one class: 2·TP/(2·TP + FP + FN). Range [0, 1], higher is better; scikit-learn's f1_score of the class.

    Undefined, not 0, where no sample is of the class and none is answered with it.
    """
    gold, answered = (rows.gold == positive).astype(np.float64), (rows.answered == positive).astype(np.float64)
    reasons = np.where(rows.gold == NONE, "outside", rows.reasons)
    # rows that are rightly left out of the class are in no part of the formula
    shown = (reasons == "") & ((gold == 1) | (answered == 1))
    values = np.where(shown, (gold == answered).astype(np.float64), np.nan)
    return ClassScores(values, reasons, {"gold": gold, "answered": answered})


# The contrasts between groups that fairlearn names, computed by it: from 1 and 0 for the class and the rest


@metric("demographic_parity_difference", range=(0, 1), direction="lower", by_class=True, contrasts=("gap",),
        rates=("selection_rate",), title="Demographic parity difference")
def demographic_parity_difference(gold: Strings, answered: Strings, groups: Strings) -> float:
    """Largest minus smallest selection rate of the groups. Range [0, 1], lower is better. Source: fairlearn."""
    return float(_fairlearn().demographic_parity_difference(gold, answered, sensitive_features=groups))


@metric("demographic_parity_ratio", range=(0, 1), direction="higher", by_class=True, contrasts=("smallest_ratio",),
        rates=("selection_rate",), title="Demographic parity ratio")
def demographic_parity_ratio(gold: Strings, answered: Strings, groups: Strings) -> float:
    """Smallest selection rate of the groups by the largest. Range [0, 1], higher is better. Source: fairlearn.

    What the four-fifths rule and New York's Local Law 144 call the impact ratio of the group that is selected least.
    """
    return float(_fairlearn().demographic_parity_ratio(gold, answered, sensitive_features=groups))


@metric("equal_opportunity_difference", range=(0, 1), direction="lower", by_class=True, contrasts=("gap",),
        rates=("true_positive_rate",), title="Equal opportunity difference")
def equal_opportunity_difference(gold: Strings, answered: Strings, groups: Strings) -> float:
    """Largest minus smallest true-positive rate of the groups. Range [0, 1], lower is better. Source: fairlearn."""
    return float(_fairlearn().equal_opportunity_difference(gold, answered, sensitive_features=groups))


@metric("equalized_odds_difference", range=(0, 1), direction="lower", by_class=True, contrasts=("gap",),
        rates=("true_positive_rate", "false_positive_rate"), title="Equalized odds difference")
def equalized_odds_difference(gold: Strings, answered: Strings, groups: Strings) -> float:
    """The larger of the differences in true- and false-positive rates. Range [0, 1], lower is better.

    Source: fairlearn (`worst_case`).
    """
    return float(_fairlearn().equalized_odds_difference(gold, answered, sensitive_features=groups))


@metric("equalized_odds_ratio", range=(0, 1), direction="higher", by_class=True, contrasts=("smallest_ratio",),
        rates=("true_positive_rate", "false_positive_rate"), title="Equalized odds ratio")
def equalized_odds_ratio(gold: Strings, answered: Strings, groups: Strings) -> float:
    """The smaller of the ratios of true- and false-positive rates. Range [0, 1], higher is better.

    Source: fairlearn (`worst_case`).
    """
    return float(_fairlearn().equalized_odds_ratio(gold, answered, sensitive_features=groups))


def _fairlearn() -> Any:
    from fairlearn import metrics

    return metrics
