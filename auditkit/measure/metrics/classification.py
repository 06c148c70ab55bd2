"""One class a sample: F1 over classes and Matthews correlation, equal to scikit-learn's on the scored rows.

Two conventions differ from scikit-learn's defaults: a mean over classes is over those that are gold of a row
(scikit-learn: `labels=` those), and what scikit-learn calls 0 for want of a denominator is undefined.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable

import numpy as np

from auditkit.measure import answers
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.measure.metrics.f1 import macro_mean, weighted_mean
from auditkit.schema import Output, Sample, Score
from auditkit.stats.columns import Codes, Floats, Mask
from auditkit.stats.corpus import Fill, statistic
from auditkit.stats.weighted import Additive, Fills, Parts

_URL = "https://scikit-learn.org/stable/modules/model_evaluation.html"
_OverClasses = Callable[[Floats, Floats, Floats], Floats]
"""From hits, gold and predicted rows a class, shape (b, K) each, to values, shape (b,)."""


# The corpus formulas, on parts `gold` and `predicted` (class names)


def _over_classes(parts: Parts, combine: _OverClasses) -> Additive:
    """A function of hits, gold and predicted rows of each class, summed over the corpus."""
    n = len(parts["gold"])
    classes, codes = np.unique(np.concatenate([parts["gold"], parts["predicted"]]), return_inverse=True)
    gold, predicted, k = codes[:n], codes[n:], len(classes)
    hit = (gold == predicted).astype(np.float64)
    if "hit" in parts:  # a fill may call an answer wrong though it names the gold class
        hit = hit * parts["hit"]

    def sums(clusters: Codes, count: int) -> Floats:
        """Hits, gold and predicted rows a class, for each cluster: shape (count, 3K)."""
        tables = [
            np.bincount(clusters * k + column, weights, count * k).reshape(count, k)
            for column, weights in ((gold, hit), (gold, None), (predicted, None))
        ]
        return np.concatenate(tables, axis=1)

    return Additive(sums, lambda totals: combine(*np.split(totals, 3, axis=1)))


def _r_k(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    """R_K of Gorodkin 2004; for two classes the correlation of both columns. NaN where a column is constant."""
    n = gold.sum(axis=1)
    above = hits.sum(axis=1) * n - (gold * predicted).sum(axis=1)
    below = (n**2 - (gold**2).sum(axis=1)) * (n**2 - (predicted**2).sum(axis=1))
    return np.where(below > 0, above / np.sqrt(np.where(below > 0, below, 1)), np.nan)


def _f1_fill(*, by_size: bool) -> Fill:
    """The extreme fills of a mean of F1 over classes, unweighted or weighted by their size."""

    def loss(hits: int, size: int, gold: int) -> float:
        """By how much the mean falls when a class is wrongly predicted once more, in units that all classes share."""
        return (gold if by_size else 1) * 2 * hits * (1 / size - 1 / (size + 1))

    def fill(parts: Parts, missing: Mask) -> Fills:
        """Highest: each missing row right. Lowest: each wrong, and named as the class whose F1 suffers most.

        The F1 of a class falls ever more slowly with each wrong prediction of it, so that the greedy choice is the
        worst one; a row may be given even to its own class (as wrong), which bounds what it could be.
        """
        gold = parts["gold"]
        scored = ~missing
        hits = Counter(gold[scored & (gold == parts["predicted"])].tolist())
        support = Counter(gold.tolist())
        size = support + Counter(parts["predicted"][scored].tolist())
        # a heap of the next loss of each class, largest first: classes by samples, not classes times samples
        heap = [(-loss(hits[name], size[name], support[name]), name) for name in support]
        heapq.heapify(heap)
        wrong = parts["predicted"].copy().astype(object)
        for row in np.flatnonzero(missing):
            _, worst = heapq.heappop(heap)
            wrong[row] = worst
            size[worst] += 1
            heapq.heappush(heap, (-loss(hits[worst], size[worst], support[worst]), worst))
        right = np.where(missing, gold, parts["predicted"])
        return (
            {"gold": gold, "predicted": wrong.astype(str), "hit": scored.astype(np.float64)},
            {"gold": gold, "predicted": right},
        )

    return fill


def _matthews_fill(parts: Parts, missing: Mask) -> Fills:
    """With two classes every right answer raises it and every wrong one lowers it. With more, no bound is known."""
    gold, predicted = parts["gold"], parts["predicted"]
    classes = np.unique(np.concatenate([gold, predicted[~missing]]))
    if len(classes) != 2:
        return None
    other = np.where(gold == classes[0], classes[1], classes[0])
    return (
        {"gold": gold, "predicted": np.where(missing, other, predicted)},
        {"gold": gold, "predicted": np.where(missing, gold, predicted)},
    )


@statistic(fill=_f1_fill(by_size=False), holds=True)
def mean_f1(parts: Parts) -> Additive:
    """Mean of F1 over the classes that are gold of a row."""
    return _over_classes(parts, macro_mean)


@statistic(fill=_f1_fill(by_size=True), holds=True)
def size_weighted_f1(parts: Parts) -> Additive:
    """Mean of F1 over the classes, weighted by their gold rows."""
    return _over_classes(parts, weighted_mean)


def _mean_recall(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    present = gold > 0
    recalls = np.where(present, hits / np.where(present, gold, 1), 0.0)
    return np.asarray(recalls.sum(axis=1) / np.where(present.any(axis=1), present.sum(axis=1), np.nan))


def _recall_fill(parts: Parts, missing: Mask) -> Fills:
    """Each missing row wrong, then right."""
    return (
        {"gold": parts["gold"], "predicted": parts["predicted"], "hit": (~missing).astype(np.float64)},
        {"gold": parts["gold"], "predicted": np.where(missing, parts["gold"], parts["predicted"])},
    )


@statistic(fill=_recall_fill)
def mean_recall(parts: Parts) -> Additive:
    """Mean of recall over the classes that are gold of a row."""
    return _over_classes(parts, _mean_recall)


@statistic(fill=_matthews_fill, undefined="all rows are of one class, or all answers are", holds=True)
def class_correlation(parts: Parts) -> Additive:
    """Correlation of gold and predicted class."""
    return _over_classes(parts, _r_k)


# The same by scikit-learn


def _f1_by_sklearn(average: str) -> EvaluateForm:
    def compute(predictions: list[str], references: list[str]) -> Computed:
        """scikit-learn's F1; micro over all classes, else over those that are gold."""
        from sklearn import metrics

        labels = sorted({*references, *predictions} if average == "micro" else set(references))
        return float(metrics.f1_score(references, predictions, labels=labels, average=average, zero_division=0))

    return EvaluateForm(compute, "text", "text", _URL)


def _matthews_by_sklearn(predictions: list[str], references: list[str]) -> Computed:
    from sklearn import metrics

    defined = len(set(references)) > 1 and len(set(predictions)) > 1
    return float(metrics.matthews_corrcoef(references, predictions)) if defined else None


# The metrics


def _right(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return None if sample.target is None else {"gold": sample.target, "predicted": sample.target}


def _labelled(name: str, sample: Sample, output: Output) -> Score:
    """Gold and predicted class, and whether they agree."""
    label, reason = answers.answered_class(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside", answer=label)
    if label is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=reason)
    parts: dict[str, float | str] = {"gold": sample.target, "predicted": label}
    return Score(sample_id=sample.id, metric=name, value=float(label == sample.target), answer=label, parts=parts)


@metric("macro_f1", range=(0, 1), direction="higher", statistic=mean_f1, best=_right, title="Macro F1",
        evaluate=_f1_by_sklearn("macro"))
def macro_f1(sample: Sample, output: Output) -> Score:
    """Mean over classes of F1 = 2·TP/(2·TP + FP + FN). Range [0, 1], higher is better.

    Over the classes that are gold of a scored sample: scikit-learn's f1_score(average="macro", labels=those). A sample
    scores 1 where it is right. Unscored ones are filled with the right class, and with the wrong ones that cost most.
    """
    return _labelled("macro_f1", sample, output)


def _recall_by_sklearn(predictions: list[str], references: list[str]) -> Computed:
    from sklearn import metrics

    labels = sorted(set(references))
    return float(metrics.recall_score(references, predictions, labels=labels, average="macro", zero_division=0))


@metric("macro_recall", range=(0, 1), direction="higher", statistic=mean_recall, best=_right, title="Macro recall",
        evaluate=EvaluateForm(_recall_by_sklearn, "text", "text", _URL))
def macro_recall(sample: Sample, output: Output) -> Score:
    """Mean over classes of the share of their samples that are answered rightly. Range [0, 1], higher is better.

    Over the classes that are gold of a scored sample: scikit-learn's recall_score(average="macro", labels=those), and
    its balanced accuracy. A sample scores 1 where it is right.
    """
    return _labelled("macro_recall", sample, output)


@metric("weighted_f1", range=(0, 1), direction="higher", statistic=size_weighted_f1, best=_right, title="Weighted F1",
        evaluate=_f1_by_sklearn("weighted"))
def weighted_f1(sample: Sample, output: Output) -> Score:
    """Mean over classes of F1, weighted by how many samples are of the class. Range [0, 1], higher is better.

    scikit-learn's f1_score(average="weighted"). A sample scores 1 where it is right.
    """
    return _labelled("weighted_f1", sample, output)


@metric("micro_f1", range=(0, 1), direction="higher", title="Micro F1", evaluate=_f1_by_sklearn("micro"))
def micro_f1(sample: Sample, output: Output) -> Score:
    """F1 of all decisions together, which with one class a sample is accuracy. Range [0, 1], higher is better.

    scikit-learn's f1_score(average="micro") over all classes: a mean of 1 and 0, with a mean's interval.
    """
    return _labelled("micro_f1", sample, output).model_copy(update={"parts": {}})


@metric("matthews_correlation", range=(-1, 1), direction="higher", statistic=class_correlation, best=_right,
        title="Matthews correlation", evaluate=EvaluateForm(_matthews_by_sklearn, "text", "text", _URL))
def matthews_correlation(sample: Sample, output: Output) -> Score:
    """Correlation of gold and predicted class (Matthews 1975; R_K of Gorodkin 2004 for more than two classes).

    Range [-1, 1], higher is better; a guess scores 0 on average. Undefined, not 0, where all samples or all answers
    are of one class. A sample scores 1 where it is right. With more than two classes unscored samples leave no bounds.
    """
    return _labelled("matthews_correlation", sample, output)


