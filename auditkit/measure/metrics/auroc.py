"""Area under the ROC curve: how well probabilities put samples of a class before others; scikit-learn's value."""

from __future__ import annotations

import numpy as np

from auditkit.measure import answers
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.schema import Output, Sample, Score
from auditkit.stats.columns import Floats, Mask
from auditkit.stats.corpus import statistic
from auditkit.stats.ranks import run_starts
from auditkit.stats.weighted import Fills, Parts, Weighted

PROBABILITY = "p:"
"""Prefix of a part that holds the probability of a class."""


def _fill(parts: Parts, missing: Mask) -> Fills:
    """Lowest and highest: each missing row gives its class, and no other, probability 0, then 1."""
    low, high = dict(parts), dict(parts)
    for name in parts:
        if name.startswith(PROBABILITY):
            right = (parts["gold"] == name.removeprefix(PROBABILITY)).astype(np.float64)
            low[name], high[name] = np.where(missing, 1 - right, parts[name]), np.where(missing, right, parts[name])
    return low, high


@statistic(fill=_fill, undefined="all rows are of one class", holds=True)
def pairs_ranked_rightly(parts: Parts) -> Weighted:
    """Mann–Whitney: the share of pairs ranked rightly, ties counting one half; the mean over classes.

    Parts: `gold`, a class name, and `p:CLASS`, its probability.
    """
    gold = parts["gold"]
    classes = np.unique(gold).tolist()
    columns = [np.asarray(parts.get(PROBABILITY + name, np.zeros(len(gold))), dtype=np.float64) for name in classes]
    if len(classes) == 2 and np.allclose(columns[0] + columns[1], 1.0, rtol=0, atol=1e-9):
        classes = classes[:1]  # both classes rank the rows alike
    prepared = []
    for name, column in zip(classes, columns, strict=False):
        order = np.argsort(column, kind="stable")
        prepared.append((order, run_starts(column[order]), (gold[order] == name).astype(np.float64)))

    def compute(weights: Floats) -> Floats:
        """The area of each draw, weights (b, n): shape (b,); NaN where every class, or none, is gold of all rows."""
        areas = np.full((len(prepared) + 1, len(weights)), np.nan)
        for i, (order, starts, positive) in enumerate(prepared):
            # rows of each probability that are of the class, and that are not
            ordered = weights[:, order]
            of_class = np.add.reduceat(ordered * positive, starts, axis=1)
            others = np.add.reduceat(ordered * (1 - positive), starts, axis=1)
            # pairs won: the others below, and half of those at the same probability
            below = others.cumsum(axis=1) - others / 2
            areas[i] = (of_class * below).sum(axis=1) / (of_class.sum(axis=1) * others.sum(axis=1))
        defined = ~np.isnan(areas)
        return np.asarray(np.where(defined, areas, 0).sum(axis=0) / defined.sum(axis=0))

    return Weighted(compute)


def _by_sklearn(predictions: list[list[float]], references: list[str], classes: list[str]) -> Computed:
    """The mean over classes; predictions are probabilities in the order of `classes`."""
    from sklearn import metrics

    rows, gold = np.array(predictions), np.array(references)
    present = [i for i, name in enumerate(classes) if 0 < (gold == name).sum() < len(gold)]
    areas = [metrics.roc_auc_score(gold == classes[i], rows[:, i]) for i in present]
    return float(np.mean(areas)) if areas else None


def _certain(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return None if sample.target is None else {"gold": sample.target, PROBABILITY + sample.target: 1.0}


@metric("auroc", range=(0, 1), direction="higher", statistic=pairs_ranked_rightly, best=_certain, title="AUROC",
        evaluate=EvaluateForm(_by_sklearn, "numbers", "text", "https://scikit-learn.org/stable/modules/model_evaluation.html"))
def auroc(sample: Sample, output: Output) -> Score:
    """Chance that a sample of a class is given a higher probability of it than one of another class; ties count half.

    One class against the rest, unweighted mean over the classes (for two classes with complementary probabilities: the
    usual AUROC). Range [0, 1], higher is better; 0.5 is chance. Undefined, not 0.5, where all samples are of one class.
    Probabilities are a classifier's, or a softmax of the options' scores by the rule's normaliser; an answer without
    any is outside. A sample scores the probability of its class. Source: Fawcett 2006; scikit-learn's roc_auc_score.
    """
    probabilities = answers.probabilities(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric="auroc", value=None, reason="outside")
    if probabilities is None:
        reason = answers.read(sample, output).reason
        return Score(sample_id=sample.id, metric="auroc", value=None, reason=reason or "outside")
    parts: dict[str, float | str] = {"gold": sample.target}
    parts |= {PROBABILITY + name: value for name, value in probabilities.items()}
    return Score(
        sample_id=sample.id, metric="auroc", value=min(1.0, probabilities.get(sample.target, 0.0)), parts=parts,
        answer=max(probabilities, key=lambda name: probabilities[name]),
    )
