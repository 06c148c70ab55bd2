"""Numbers that should go with numbers: correlations."""

from __future__ import annotations

import math

from auditkit.errors import MeasurementError
from auditkit.measure.answers import read_number
from auditkit.measure.metric import metric
from auditkit.schema import Output, Sample, Score


def _pair(name: str, sample: Sample, output: Output) -> Score:
    if sample.target is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    said, reason = read_number(output)
    if said is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=reason)
    try:
        gold = float(sample.target)
    except ValueError:
        gold = math.nan
    if not math.isfinite(gold):
        raise MeasurementError(f'{sample.id}: the target "{sample.target}" is no number; {name} needs numbers')
    parts: dict[str, float | str] = {"predicted": said, "gold": gold}
    return Score(sample_id=sample.id, metric=name, value=None, answer=f"{said:g}", parts=parts)


@metric("pearson_correlation", range=(-1, 1), direction="higher", statistic="pearson_correlation",
        title="Pearson correlation")
def pearson_correlation(sample: Sample, output: Output) -> Score:
    """Linear correlation of answers and targets. Range [-1, 1], higher is better.

    A sample has no value of its own; undefined where all answers are equal, or all targets. What unscored samples could
    do to it is not known.
    """
    return _pair("pearson_correlation", sample, output)


@metric("spearman_correlation", range=(-1, 1), direction="higher", statistic="spearman_correlation",
        title="Spearman correlation")
def spearman_correlation(sample: Sample, output: Output) -> Score:
    """Correlation of the ranks of answers and targets, equal numbers sharing a mean rank.

    Range [-1, 1], higher is better; else as Pearson's.
    """
    return _pair("spearman_correlation", sample, output)
