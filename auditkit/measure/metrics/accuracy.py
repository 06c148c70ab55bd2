"""Right answers, singly and in matched pairs."""

from __future__ import annotations

from collections.abc import Sequence

from auditkit.measure.answers import read, read_twins
from auditkit.measure.definition import metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.schema import Output, Sample, Score


def _by_sklearn(predictions: list[str], references: list[str]) -> Computed:
    from sklearn import metrics

    return float(metrics.accuracy_score(references, predictions))


@metric("accuracy", range=(0, 1), direction="higher", title="Accuracy",
        evaluate=EvaluateForm(_by_sklearn, "text", "text",
                              "https://scikit-learn.org/stable/modules/model_evaluation.html"))
def accuracy(sample: Sample, output: Output) -> Score:
    """Share of samples whose answer is the target: 1 or 0. Range [0, 1], higher is better.

    Ties, refusals and unparsed answers are unscored and bounded, not wrong. A sample without a target is outside.
    """
    answer = read(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric="accuracy", value=None, reason="outside", answer=answer.label)
    values = {} if answer.label is None else {answer.label: float(answer.label == sample.target)}
    return answer.score(sample, "accuracy", values)


@metric("matched_pair_accuracy", range=(0, 1), direction="higher", unit="origin", title="Matched-pair accuracy")
def matched_pair_accuracy(samples: Sequence[Sample], outputs: Sequence[Output | None]) -> Score:
    """Share of origins whose twins are all answered rightly: 1 or 0 an origin. Range [0, 1], higher is better.

    Saying the same to everything scores 0, where accuracy would show one half. An origin with an unscored twin is
    unscored (statistics: a pair with one unscored side is only bounded); one without a twin, or without targets, is
    outside. Source: the contrast consistency of Gardner et al. 2020, Contrast Sets, §2.3.
    """
    answers, reason = read_twins(samples, outputs)
    if len(samples) < 2 or any(sample.target is None for sample in samples):
        reason = "outside"
    right = all(a.label == s.target for s, a in zip(samples, answers, strict=True))
    return Score(
        sample_id=samples[0].origin,
        metric="matched_pair_accuracy",
        value=None if reason else float(right),
        reason=reason,
        answer=", ".join(f"{s.arm}: {a.label or a.reason}" for s, a in zip(samples, answers, strict=True)),
    )
