"""Whether probabilities can be believed: calibration errors, Brier score, risk against coverage."""

from __future__ import annotations

from auditkit.measure import answers
from auditkit.measure.metric import Context, metric
from auditkit.schema import Output, Sample, Score


def _sure(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return None if sample.target is None else {"confidence": 1.0, "correct": 1.0}


def _confident(name: str, sample: Sample, output: Output) -> tuple[float, float, str] | Score:
    """Confidence (the probability of the answer), whether it is right, and the answer; or why there is none."""
    answer = answers.read(sample, output)
    found = answers.probabilities(sample, output)
    if sample.target is None or (answer.reason is None and found is None):
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside", answer=answer.label)
    if answer.label is None or found is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason or "unparsed")
    return min(1.0, found[answer.label]), float(answer.label == sample.target), answer.label


def _error(name: str, sample: Sample, output: Output) -> Score:
    found = _confident(name, sample, output)
    if isinstance(found, Score):
        return found
    confidence, correct, label = found
    return Score(sample_id=sample.id, metric=name, value=abs(correct - confidence), answer=label,
                 parts={"confidence": confidence, "correct": correct})


@metric("expected_calibration_error", range=(0, 1), direction="lower", statistic="expected_calibration_error",
        best=_sure, title="Expected calibration error")
def expected_calibration_error(sample: Sample, output: Output) -> Score:
    """Σ_b (n_b/n)·|accuracy_b − confidence_b| over 15 bins of equal width (lo, hi]. Range [0, 1], lower is better.

    It is above 0 even for a perfectly calibrated model: what such a model would read on average with these confidences
    stands beside it as `null`, and lower limits are lowered by it. Confidence is the probability of the answer: a
    classifier's, or a softmax of the options' scores by the rule's normaliser; answers without any are outside. A
    sample scores |right − confidence|. Source: Guo et al. 2017, On Calibration of Modern Neural Networks, §2.
    """
    return _error("expected_calibration_error", sample, output)


@metric("adaptive_calibration_error", range=(0, 1), direction="lower", statistic="adaptive_calibration_error",
        best=_sure, title="Adaptive calibration error")
def adaptive_calibration_error(sample: Sample, output: Output) -> Score:
    """The same over 15 bins of equal mass of the answer's confidence. Range [0, 1], lower is better.

    Samples of one confidence take their mean correctness, so that their order does not matter. What unscored samples
    could do to it is not known. Source: Nixon et al. 2019, Measuring Calibration in Deep Learning (of the top class).
    """
    return _error("adaptive_calibration_error", sample, output)


@metric("brier_score", range=(0, 1), direction="lower", title="Brier score")
def brier_score(sample: Sample, output: Output) -> Score:
    """½·Σ_k (p_k − y_k)² over all classes: for two classes (p − y)². Range [0, 1], lower is better.

    Brier's own score (1950) is twice this for more than two classes; scikit-learn's brier_score_loss halves it too with
    scale_by_half=True. Probabilities as for the calibration errors; answers without any are outside.
    """
    found = answers.probabilities(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric="brier_score", value=None, reason="outside")
    if found is None:
        reason = answers.read(sample, output).reason
        return Score(sample_id=sample.id, metric="brier_score", value=None, reason=reason or "outside")
    classes = {*found, sample.target}
    total = sum((found.get(name, 0.0) - (name == sample.target)) ** 2 for name in classes)
    answer = max(found, key=lambda name: found[name])
    return Score(sample_id=sample.id, metric="brier_score", value=min(1.0, total / 2), answer=answer)


@metric("aurc", range=(0, 1), direction="lower", statistic="aurc", best=_sure, title="Area under risk–coverage")
def aurc(sample: Sample, output: Output) -> Score:
    """Mean error rate of the surest k answers, over k = 1 … n; equal confidences averaged over their orders.

    Range [0, 1], lower is better: at most the error rate if the surest answers are the right ones. A sample scores 1
    where it is wrong. Unscored samples are put first, as the surest answers: right, and wrong. Confidence as for the
    calibration errors. Source: Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks.
    """
    found = _confident("aurc", sample, output)
    if isinstance(found, Score):
        return found
    confidence, correct, label = found
    return Score(sample_id=sample.id, metric="aurc", value=1 - correct, answer=label,
                 parts={"confidence": confidence, "correct": correct})
