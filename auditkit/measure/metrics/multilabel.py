"""Several classes a sample: each with its own probability, predicted from one half on."""

from __future__ import annotations

from auditkit.measure.answers import read_classes
from auditkit.measure.metric import Context, metric
from auditkit.schema import Output, Sample, Score
from auditkit.stats.counts import GOLD, PREDICTED


def true_classes(sample: Sample) -> frozenset[str]:
    """Every class that is true of the sample, perhaps none."""
    return frozenset(sample.references or (() if sample.target is None else (sample.target,)))


def _parts(gold: frozenset[str], said: frozenset[str]) -> dict[str, float | str]:
    return {"rows": 1.0, **{GOLD + name: 1.0 for name in sorted(gold)}, **{PREDICTED + n: 1.0 for n in sorted(said)}}


def _best(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return _parts(true_classes(sample), true_classes(sample))


def _scored(name: str, sample: Sample, output: Output) -> Score:
    answer = read_classes(output)
    if answer.names is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    gold, said = true_classes(sample), answer.names
    size = len(gold) + len(said)
    return Score(
        sample_id=sample.id, metric=name, value=2 * len(gold & said) / size if size else 1.0,
        answer=", ".join(sorted(said)) or "none", parts=_parts(gold, said),
    )


@metric("multilabel_macro_f1", range=(0, 1), direction="higher", statistic="multilabel_macro_f1", best=_best,
        title="Macro F1 (multi-label)")
def multilabel_macro_f1(sample: Sample, output: Output) -> Score:
    """Mean over classes of F1, each class being a yes or no for every sample. Range [0, 1], higher is better.

    Over the classes that are true of a scored sample: scikit-learn's f1_score(average="macro") on indicator columns of
    those. A class is predicted from a probability of one half on. A sample scores the F1 of its own classes, 1 where
    there are none and none is predicted. Unscored ones are filled with exactly the right and exactly the wrong ones.
    """
    return _scored("multilabel_macro_f1", sample, output)


@metric("multilabel_micro_f1", range=(0, 1), direction="higher", statistic="multilabel_micro_f1", best=_best,
        title="Micro F1 (multi-label)")
def multilabel_micro_f1(sample: Sample, output: Output) -> Score:
    """F1 of all yes-or-no decisions together. Range [0, 1], higher is better.

    scikit-learn's f1_score(average="micro") on indicator columns. Else as the macro F1.
    """
    return _scored("multilabel_micro_f1", sample, output)


@metric("subset_accuracy", range=(0, 1), direction="higher", title="Subset accuracy")
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
