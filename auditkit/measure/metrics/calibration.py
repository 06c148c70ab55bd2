"""Whether probabilities can be believed: calibration errors, Brier score, risk against coverage.

Sources: Naeini et al. 2015 and Guo et al. 2017 (bins of equal width); Nixon et al. 2019 (bins of equal mass); Geifman
and El-Yaniv 2017 (risk against coverage); Brier 1950.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditkit.measure import answers
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.schema import Output, Sample, Score
from auditkit.stats.columns import Codes, Floats, Mask
from auditkit.stats.corpus import Null, statistic
from auditkit.stats.ranks import run_starts
from auditkit.stats.weighted import Additive, Fills, Parts, Prepared, Weighted

BINS = 15
"""Bins of equal width (lo, hi], the first one closed, or of equal mass."""
_NULL_DRAWS = 500
_CELLS = 2_000_000
"""Drawn answers held at once."""
_CERTAIN = 2.0
"""A confidence above all others, for fills: an unscored sample put first."""

# The corpus formulas, on parts `confidence` (0 to 1) and `correct` (0 or 1)


def _bins(confidence: Floats) -> Codes:
    return np.maximum(np.searchsorted(np.linspace(0, 1, BINS + 1), confidence, side="left") - 1, 0)


def _width_fill(parts: Parts, missing: Mask) -> Fills:
    """A sample changes n·ECE by at most 1 either way: (n·ECE ∓ u)/(n + u)."""
    change = missing.astype(np.float64)
    return {**parts, "extra": -change}, {**parts, "extra": change}


def _width_null(parts: Parts, seed: int) -> float:
    """The mean error of a model whose confidences are exactly right: many draws of answers in one matrix product."""
    rng, bins = np.random.default_rng(seed), _bins(parts["confidence"])
    table = np.zeros((len(bins), BINS))
    table[np.arange(len(bins)), bins] = 1.0
    block, errors = max(1, _CELLS // len(bins)), []
    for start in range(0, _NULL_DRAWS, block):
        draws = rng.random((min(block, _NULL_DRAWS - start), len(bins))) < parts["confidence"]
        errors.append(np.abs((draws - parts["confidence"]) @ table).sum(axis=1))
    return float(np.concatenate(errors).mean() / len(bins))


@statistic(fill=_width_fill, null=_width_null, holds=True)
def equal_width_error(parts: Parts) -> Additive:
    """Σ_b |Σ_{i∈b} (correct_i − confidence_i)| / n over bins of equal width (Guo et al. 2017, §2)."""
    bins, gaps = _bins(parts["confidence"]), parts["correct"] - parts["confidence"]
    # a filled row lies in no bin: it only adds what it could change
    extra = parts.get("extra", np.zeros(len(bins)))
    inside = np.where(extra == 0, gaps, 0.0)

    def sums(clusters: Codes, count: int) -> Floats:
        """Sums of gaps a bin, of extra change, and of rows, for each cluster: shape (count, BINS + 2)."""
        table = np.bincount(clusters * BINS + bins, inside, count * BINS).reshape(count, BINS)
        return np.column_stack([table, np.bincount(clusters, extra, count), np.bincount(clusters, minlength=count)])

    def combine(totals: Floats) -> Floats:
        """The error of each draw, 0 to 1."""
        error = np.abs(totals[:, :BINS]).sum(axis=1) + totals[:, BINS]
        return np.asarray(np.clip(error / totals[:, BINS + 1], 0, 1))

    return Additive(sums, combine)


def _mean_of_runs(weights: Floats, column: Floats, starts: Codes) -> Floats:
    """Each row as often as its weight says, with its run's mean in place of its own number: shape (Σ weights,)."""
    sizes = np.add.reduceat(weights, starts)
    means = np.add.reduceat(weights * column, starts) / np.where(sizes > 0, sizes, 1)
    return np.repeat(means, sizes.astype(np.intp))


def _row_by_row(order: Codes, value: Callable[[Floats], float]) -> Weighted:
    """A statistic of one draw's weights (n,), taken in an order of the rows."""
    return Weighted(lambda weights: np.array([value(row[order]) for row in weights]))


def _equal_mass(parts: Parts) -> Weighted:
    order = np.argsort(parts["confidence"], kind="stable")
    gaps, starts = (parts["correct"] - parts["confidence"])[order], run_starts(parts["confidence"][order])

    def error(weights: Floats) -> float:
        """The error of one draw, weights (n,) in order of confidence; NaN where no row is left."""
        drawn = _mean_of_runs(weights, gaps, starts)
        n = len(drawn)
        if n == 0:
            return float("nan")
        edges = np.linspace(0, n, min(BINS, n) + 1).astype(np.intp)[:-1]
        return float(np.abs(np.add.reduceat(drawn, edges)).sum() / n)

    return _row_by_row(order, error)


def _null(prepare: Callable[[Parts], Prepared]) -> Null:
    def null(parts: Parts, seed: int) -> float:
        """Mean error of a model whose confidences are exactly right: answers drawn with those probabilities."""
        rng, n = np.random.default_rng(seed), len(parts["confidence"])
        errors, rows = [], np.arange(n)
        for _ in range(_NULL_DRAWS):
            drawn = (rng.random(n) < parts["confidence"]).astype(np.float64)
            weigh = prepare({"confidence": parts["confidence"], "correct": drawn}).over(rows, n)
            errors.append(float(weigh(np.ones((1, n)))[0]))
        return float(np.mean(errors))

    return null


@statistic(null=_null(_equal_mass), holds=True)
def equal_mass_error(parts: Parts) -> Weighted:
    """The same over bins of equal mass (Nixon et al. 2019).

    Samples of one confidence take their mean correctness, so that their order within and between bins is moot.
    """
    return _equal_mass(parts)


def _risk_fill(parts: Parts, missing: Mask) -> Fills:
    """Put first, as surest of all, a right answer lowers every partial mean and a wrong one raises it."""
    confidence = np.where(missing, _CERTAIN, parts["confidence"])
    right, wrong = np.where(missing, 1.0, parts["correct"]), np.where(missing, 0.0, parts["correct"])
    return {"confidence": confidence, "correct": right}, {"confidence": confidence, "correct": wrong}


@statistic(fill=_risk_fill, holds=True)
def risk_over_coverage(parts: Parts) -> Weighted:
    """(1/n)·Σ_k (1/k)·Σ_{i≤k} loss_(i) by descending confidence, averaged over the orders of equal confidences."""
    order = np.argsort(-parts["confidence"], kind="stable")
    losses, starts = (1 - parts["correct"])[order], run_starts(parts["confidence"][order])

    def area(weights: Floats) -> float:
        """The area of one draw, weights (n,) by descending confidence; NaN where no row is left."""
        drawn = _mean_of_runs(weights, losses, starts)
        return float((drawn.cumsum() / np.arange(1, len(drawn) + 1)).mean()) if len(drawn) else float("nan")

    return _row_by_row(order, area)


# The metrics


def _sure(sample: Sample, context: Context) -> dict[str, float | str] | None:
    return None if sample.target is None else {"confidence": 1.0, "correct": 1.0}


def _confident(name: str, sample: Sample, output: Output) -> tuple[float, float, str] | Score:
    """Confidence (the probability of the answer), whether it is right, and the answer; or why there is none."""
    answer = answers.read(sample, output)
    probabilities = answers.probabilities(sample, output)
    if sample.target is None or (answer.reason is None and probabilities is None):
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside", answer=answer.label)
    if answer.label is None or probabilities is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason or "unparsed")
    return min(1.0, probabilities[answer.label]), float(answer.label == sample.target), answer.label


def _error(name: str, sample: Sample, output: Output) -> Score:
    reading = _confident(name, sample, output)
    if isinstance(reading, Score):
        return reading
    confidence, correct, label = reading
    return Score(sample_id=sample.id, metric=name, value=abs(correct - confidence), answer=label,
                 parts={"confidence": confidence, "correct": correct})


@metric("expected_calibration_error", range=(0, 1), direction="lower", statistic=equal_width_error, best=_sure,
        title="Expected calibration error")
def expected_calibration_error(sample: Sample, output: Output) -> Score:
    """Σ_b (n_b/n)·|accuracy_b − confidence_b| over 15 bins of equal width (lo, hi]. Range [0, 1], lower is better.

    It is above 0 even for a perfectly calibrated model: what such a model would read on average with these confidences
    stands beside it as `null`, and lower limits are lowered by it. Confidence is the probability of the answer: a
    classifier's, or a softmax of the options' scores by the rule's normaliser; answers without any are outside. A
    sample scores |right − confidence|. Source: Guo et al. 2017, On Calibration of Modern Neural Networks, §2.
    """
    return _error("expected_calibration_error", sample, output)


@metric("adaptive_calibration_error", range=(0, 1), direction="lower", statistic=equal_mass_error, best=_sure,
        title="Adaptive calibration error")
def adaptive_calibration_error(sample: Sample, output: Output) -> Score:
    """The same over 15 bins of equal mass of the answer's confidence. Range [0, 1], lower is better.

    Samples of one confidence take their mean correctness, so that their order does not matter. What unscored samples
    could do to it is not known. Source: Nixon et al. 2019, Measuring Calibration in Deep Learning (of the top class).
    """
    return _error("adaptive_calibration_error", sample, output)


def _brier_by_sklearn(predictions: list[list[float]], references: list[str], classes: list[str]) -> Computed:
    """Halved; predictions are probabilities in the order of `classes`."""
    from sklearn import metrics

    order = np.argsort(classes)
    return float(
        metrics.brier_score_loss(
            np.array(references), np.array(predictions)[:, order], labels=sorted(classes), scale_by_half=True
        )
    )


@metric("brier_score", range=(0, 1), direction="lower", title="Brier score",
        evaluate=EvaluateForm(_brier_by_sklearn, "numbers", "text",
                              "https://scikit-learn.org/stable/modules/model_evaluation.html"))
def brier_score(sample: Sample, output: Output) -> Score:
    """½·Σ_k (p_k − y_k)² over all classes: for two classes (p − y)². Range [0, 1], lower is better.

    Brier's own score (1950) is twice this for more than two classes; scikit-learn's brier_score_loss halves it too with
    scale_by_half=True. Probabilities as for the calibration errors; answers without any are outside.
    """
    probabilities = answers.probabilities(sample, output)
    if sample.target is None:
        return Score(sample_id=sample.id, metric="brier_score", value=None, reason="outside")
    if probabilities is None:
        reason = answers.read(sample, output).reason
        return Score(sample_id=sample.id, metric="brier_score", value=None, reason=reason or "outside")
    classes = sorted({*probabilities, sample.target})  # in one order, so that the sum has the same last digit
    total = sum((probabilities.get(name, 0.0) - (name == sample.target)) ** 2 for name in classes)
    answer = max(probabilities, key=lambda name: probabilities[name])
    return Score(sample_id=sample.id, metric="brier_score", value=min(1.0, total / 2), answer=answer)


@metric("aurc", range=(0, 1), direction="lower", statistic=risk_over_coverage, best=_sure,
        title="Area under risk–coverage")
def aurc(sample: Sample, output: Output) -> Score:
    """Mean error rate of the surest k answers, over k = 1 … n; equal confidences averaged over their orders.

    Range [0, 1], lower is better: at most the error rate if the surest answers are the right ones. A sample scores 1
    where it is wrong. Unscored samples are put first, as the surest answers: right, and wrong. Confidence as for the
    calibration errors. Source: Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks.
    """
    reading = _confident("aurc", sample, output)
    if isinstance(reading, Score):
        return reading
    confidence, correct, label = reading
    return Score(sample_id=sample.id, metric="aurc", value=1 - correct, answer=label,
                 parts={"confidence": confidence, "correct": correct})
