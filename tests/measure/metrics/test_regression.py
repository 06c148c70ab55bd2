"""Correlations of numbers: scipy as oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.measure.metrics.regression import linear_correlation, rank_correlation
from auditkit.schema import Estimate, Number, Output, Sample

from ..conftest import card, sample, says


def measured(name: str, samples: list[Sample], outputs: dict[str, Output | None]) -> Estimate:
    (found,) = measure(card(metrics=[{"metric": name, "arm": "all"}]), samples, outputs).estimates
    return found


def regression(n: int = 80) -> tuple[list[Sample], dict[str, Output | None], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    gold = rng.normal(3, 1, n).round(1)
    said = gold + rng.normal(0, 1, n).round(1)
    samples = [sample(f"{i:03}", labels=(), target=str(value)) for i, value in enumerate(gold)]
    outputs: dict[str, Output | None] = {
        one.id: Output(request="0", rule="number", answer=Number(value=value))
        for one, value in zip(samples, said.tolist(), strict=True)
    }
    return samples, outputs, gold, said


def test_correlations_are_scipys() -> None:
    samples, outputs, gold, said = regression()
    for name, value in (("pearson_correlation", stats.pearsonr(said, gold).statistic),
                        ("spearman_correlation", stats.spearmanr(said, gold).statistic)):
        found = measured(name, samples, outputs)
        assert found.value == pytest.approx(value)
        assert (found.n, found.unscored) == (80, {})
        assert found.low is not None
        assert found.high is not None
        assert found.low < value < found.high
        assert found.cited.extreme == ()


def test_a_correlation_with_missing_answers_has_no_bounds() -> None:
    samples, outputs, _, _ = regression()
    outputs[samples[0].id] = says("about three", rule="number")
    found = measured("pearson_correlation", samples, outputs)
    assert (found.n, found.unscored) == (79, {"unparsed": 1})
    assert found.at_lowest_fill.spread is None


def test_a_target_that_is_no_number_is_an_error() -> None:
    one = sample(labels=(), target="high")
    with pytest.raises(MeasurementError, match='the target "high" is not a number'):
        measured("pearson_correlation", [one], {one.id: Output(request="0", rule="number", answer=Number(value=1.0))})


@pytest.mark.parametrize("digits", [0, 3])
def test_correlations_agree_with_scipy(digits):
    rng = np.random.default_rng(2)
    x = rng.normal(1000, 1, 200).round(digits)
    y = (x - 1000 + rng.normal(0, 1, 200)).round(digits)
    parts = {"predicted": x, "gold": y}
    assert linear_correlation.value(parts) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert rank_correlation.value(parts) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
