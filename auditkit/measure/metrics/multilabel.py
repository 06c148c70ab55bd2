"""Several classes a sample: each with its own probability, predicted from one half on; scikit-learn's values."""

from __future__ import annotations

import numpy as np

from auditkit.measure.answers import read_classes, right_texts
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.measure.metrics.f1 import f1, macro_mean
from auditkit.schema import Output, Sample, Score
from auditkit.stats.columns import Floats, Mask
from auditkit.stats.corpus import statistic
from auditkit.stats.weighted import Additive, Fills, Parts

GOLD, PREDICTED = "gold:", "predicted:"
"""Prefixes of the parts (0 or 1) of a row, a class each."""
_URL = "https://scikit-learn.org/stable/modules/model_evaluation.html"

# The corpus formulas


def _classes(parts: Parts) -> list[str]:
    return sorted({name.split(":", 1)[1] for name in parts if name.startswith((GOLD, PREDICTED))})


def _terms(parts: Parts) -> list[Floats]:
    """Hits, gold and predicted of every class: 3K columns of shape (n,)."""
    absent = np.zeros(len(next(iter(parts.values()))))
    gold = [np.asarray(parts.get(GOLD + name, absent), dtype=np.float64) for name in _classes(parts)]
    predicted = [np.asarray(parts.get(PREDICTED + name, absent), dtype=np.float64) for name in _classes(parts)]
    return [*(g * p for g, p in zip(gold, predicted, strict=True)), *gold, *predicted]


def _fill(parts: Parts, missing: Mask) -> Fills:
    """Highest: exactly the classes that are true. Lowest: exactly those that are not."""
    absent = np.zeros(len(missing))
    low, high = dict(parts), dict(parts)
    for name in _classes(parts):
        gold, predicted = parts.get(GOLD + name, absent), parts.get(PREDICTED + name, absent)
        low[PREDICTED + name] = np.where(missing, 1 - gold, predicted)
        high[PREDICTED + name] = np.where(missing, gold, predicted)
    return low, high


@statistic(fill=_fill, undefined="no row has a class", holds=True)
def mean_f1(parts: Parts) -> Additive:
    """Mean over the classes that are true of a row of F1."""
    return Additive.of(_terms(parts), lambda sums: macro_mean(*np.split(sums, 3, axis=1)))


@statistic(fill=_fill, undefined="no row has a class, and none was predicted", holds=True)
def f1_of_decisions(parts: Parts) -> Additive:
    """F1 of all yes-or-no decisions together."""
    return Additive.of(_terms(parts), lambda sums: f1(*(total.sum(axis=1) for total in np.split(sums, 3, axis=1))))


# The same by scikit-learn


def _f1_by_sklearn(average: str) -> EvaluateForm:
    def compute(predictions: list[list[str]], references: list[list[str]]) -> Computed:
        """scikit-learn's F1 on indicator columns; macro of the classes that are true of a row, micro of all."""
        from sklearn import metrics

        classes = {label for labels in references for label in labels}
        if average == "micro":
            classes |= {label for labels in predictions for label in labels}
        if not classes:
            return None
        gold, predicted = (
            np.array([[name in row for name in sorted(classes)] for row in rows]) for rows in (references, predictions)
        )
        return float(metrics.f1_score(gold, predicted, average=average, zero_division=0))

    return EvaluateForm(compute, "texts", "texts", _URL)


def _share_of_equal_sets(predictions: list[list[str]], references: list[list[str]]) -> Computed:
    return float(np.mean([set(a) == set(b) for a, b in zip(predictions, references, strict=True)]))


# The metrics


def true_classes(sample: Sample) -> frozenset[str]:
    """Every class that is true of the sample, perhaps none."""
    return frozenset(right_texts(sample))


def _parts(gold: frozenset[str], predicted: frozenset[str]) -> dict[str, float | str]:
    marks = {**{GOLD + name: 1.0 for name in sorted(gold)}, **{PREDICTED + name: 1.0 for name in sorted(predicted)}}
    return {"rows": 1.0, **marks}


def _best(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return _parts(true_classes(sample), true_classes(sample))


def _scored(name: str, sample: Sample, output: Output) -> Score:
    answer = read_classes(output)
    if answer.names is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    gold, predicted = true_classes(sample), answer.names
    size = len(gold) + len(predicted)
    return Score(
        sample_id=sample.id, metric=name, value=2 * len(gold & predicted) / size if size else 1.0,
        answer=", ".join(sorted(predicted)) or "none", parts=_parts(gold, predicted),
    )


@metric("multilabel_macro_f1", range=(0, 1), direction="higher", statistic=mean_f1, best=_best,
        title="Macro F1 (multi-label)", evaluate=_f1_by_sklearn("macro"))
def multilabel_macro_f1(sample: Sample, output: Output) -> Score:
    """Mean over classes of F1, each class being a yes or no for every sample. Range [0, 1], higher is better.

    Over the classes that are true of a scored sample: scikit-learn's f1_score(average="macro") on indicator columns of
    those. A class is predicted from a probability of one half on. A sample scores the F1 of its own classes, 1 where
    there are none and none is predicted. Unscored ones are filled with exactly the right and exactly the wrong ones.
    """
    return _scored("multilabel_macro_f1", sample, output)


@metric("multilabel_micro_f1", range=(0, 1), direction="higher", statistic=f1_of_decisions, best=_best,
        title="Micro F1 (multi-label)", evaluate=_f1_by_sklearn("micro"))
def multilabel_micro_f1(sample: Sample, output: Output) -> Score:
    """F1 of all yes-or-no decisions together. Range [0, 1], higher is better.

    scikit-learn's f1_score(average="micro") on indicator columns. Else as the macro F1.
    """
    return _scored("multilabel_micro_f1", sample, output)


@metric("subset_accuracy", range=(0, 1), direction="higher", title="Subset accuracy",
        evaluate=EvaluateForm(_share_of_equal_sets, "texts", "texts", _URL))
def subset_accuracy(sample: Sample, output: Output) -> Score:
    """Share of samples whose classes are all right and none too many: 1 or 0. Range [0, 1], higher is better.

    scikit-learn's accuracy_score on indicator columns.
    """
    answer = read_classes(output)
    if answer.names is None:
        return Score(sample_id=sample.id, metric="subset_accuracy", value=None, reason=answer.reason)
    hit = float(answer.names == true_classes(sample))
    named = ", ".join(sorted(answer.names)) or "none"
    return Score(sample_id=sample.id, metric="subset_accuracy", value=hit, answer=named)
