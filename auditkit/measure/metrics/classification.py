"""One class a sample: F1, Matthews correlation, AUROC (scikit-learn's values, `measure/modules/classification.py`)."""

from __future__ import annotations

from auditkit.measure import answers
from auditkit.measure.metric import Context, metric
from auditkit.schema import Output, Sample, Score
from auditkit.stats.labels import PROBABILITY


def _right(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return None if sample.target is None else {"gold": sample.target, "predicted": sample.target}


def _certain(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return None if sample.target is None else {"gold": sample.target, PROBABILITY + sample.target: 1.0}


def _labelled(name: str, sample: Sample, output: Output) -> Score:
    """Gold and predicted class, and whether they agree."""
    answer = answers.read(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside", answer=answer.label)
    said = answer.label if answer.label is not None else output.text
    if answer.reason is not None or said is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason or "unparsed")
    parts: dict[str, float | str] = {"gold": sample.target, "predicted": said}
    return Score(sample_id=sample.id, metric=name, value=float(said == sample.target), answer=said, parts=parts)


@metric("macro_f1", range=(0, 1), direction="higher", statistic="macro_f1", best=_right, title="Macro F1")
def macro_f1(sample: Sample, output: Output) -> Score:
    """Mean over classes of F1 = 2·TP/(2·TP + FP + FN). Range [0, 1], higher is better.

    Over the classes that are gold of a scored sample: scikit-learn's f1_score(average="macro", labels=those). A sample
    scores 1 where it is right. Unscored ones are filled with the right class, and with the wrong ones that cost most.
    """
    return _labelled("macro_f1", sample, output)


@metric("weighted_f1", range=(0, 1), direction="higher", statistic="weighted_f1", best=_right, title="Weighted F1")
def weighted_f1(sample: Sample, output: Output) -> Score:
    """Mean over classes of F1, weighted by how many samples are of the class. Range [0, 1], higher is better.

    scikit-learn's f1_score(average="weighted"). A sample scores 1 where it is right.
    """
    return _labelled("weighted_f1", sample, output)


@metric("micro_f1", range=(0, 1), direction="higher", title="Micro F1")
def micro_f1(sample: Sample, output: Output) -> Score:
    """F1 of all decisions together, which with one class a sample is accuracy. Range [0, 1], higher is better.

    scikit-learn's f1_score(average="micro") over all classes: a mean of 1 and 0, with a mean's interval.
    """
    return _labelled("micro_f1", sample, output).model_copy(update={"parts": {}})


@metric("matthews_correlation", range=(-1, 1), direction="higher", statistic="matthews_correlation", best=_right,
        title="Matthews correlation")
def matthews_correlation(sample: Sample, output: Output) -> Score:
    """Correlation of gold and predicted class (Matthews 1975; R_K of Gorodkin 2004 for more than two classes).

    Range [-1, 1], higher is better; a guess scores 0 on average. Undefined, not 0, where all samples or all answers
    are of one class. A sample scores 1 where it is right. With more than two classes unscored samples leave no bounds.
    """
    return _labelled("matthews_correlation", sample, output)


@metric("auroc", range=(0, 1), direction="higher", statistic="auroc", best=_certain, title="AUROC")
def auroc(sample: Sample, output: Output) -> Score:
    """Chance that a sample of a class is given a higher probability of it than one of another class; ties count half.

    One class against the rest, unweighted mean over the classes (for two classes with complementary probabilities: the
    usual AUROC). Range [0, 1], higher is better; 0.5 is chance. Undefined, not 0.5, where all samples are of one class.
    Probabilities are a classifier's, or a softmax of the options' scores by the rule's normaliser; an answer without
    any is outside. A sample scores the probability of its class. Source: Fawcett 2006; scikit-learn's roc_auc_score.
    """
    found = answers.probabilities(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric="auroc", value=None, reason="outside")
    if found is None:
        reason = answers.read(sample, output).reason
        return Score(sample_id=sample.id, metric="auroc", value=None, reason=reason or "outside")
    parts: dict[str, float | str] = {"gold": sample.target}
    parts |= {PROBABILITY + name: value for name, value in found.items()}
    return Score(
        sample_id=sample.id, metric="auroc", value=min(1.0, found.get(sample.target, 0.0)), parts=parts,
        answer=max(found, key=lambda name: found[name]),
    )
