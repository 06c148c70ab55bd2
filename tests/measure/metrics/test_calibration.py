"""Calibration errors and risk against coverage, by hand and by brute force."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from auditkit.measure.metrics.calibration import equal_mass_error, equal_width_error, risk_over_coverage
from auditkit.schema import EstimateId
from auditkit.stats.estimates import estimate

from ..conftest import column

CONFIDENCE = np.array([0.95, 0.9, 0.85, 0.62, 0.55])
CORRECT = np.array([1.0, 1.0, 0.0, 1.0, 0.0])


def test_calibration_vector():
    """measurement.md §4.6, checked by hand: ECE .386, AURC .196667."""
    parts = {"confidence": CONFIDENCE, "correct": CORRECT}
    assert equal_width_error.value(parts) == pytest.approx(0.386)
    assert risk_over_coverage.value(parts) == pytest.approx(0.196667, abs=5e-7)


def test_bins_are_open_below_and_the_first_one_is_closed():
    # .2 lies in (2/15, 3/15], .2000001 in the next bin; 0 lies in the first.
    parts = {"confidence": np.array([0.2, 0.15, 0.0, 0.05]), "correct": np.array([1.0, 0.0, 1.0, 0.0])}
    # bin 3: .8 − .15 = .65; bin 1: 1 − .05 = .95
    assert equal_width_error.value(parts) == pytest.approx((0.65 + 0.95) / 4)


def test_risk_coverage_by_brute_force_over_tie_orders():
    rng = np.random.default_rng(3)
    confidence, correct = rng.integers(0, 4, 40) / 4, (rng.random(40) < 0.6).astype(float)
    totals = []
    for _ in range(4000):
        order = np.lexsort((rng.random(40), -confidence))
        losses = 1 - correct[order]
        totals.append(np.mean([losses[: k + 1].mean() for k in range(40)]))
    found = risk_over_coverage.value({"confidence": confidence, "correct": correct})
    assert found == pytest.approx(np.mean(totals), abs=4 * np.std(totals) / np.sqrt(4000))


def test_equal_mass_bins_by_hand():
    confidence = np.linspace(0.5, 0.79, 30)  # two a bin
    correct = np.tile([1.0, 1.0, 0.0], 10)
    expected = sum(abs((correct - confidence)[i : i + 2].sum()) for i in range(0, 30, 2)) / 30
    parts = {"confidence": confidence, "correct": correct}
    assert equal_mass_error.value(parts) == pytest.approx(expected)
    mixed = np.random.default_rng(0).permutation(30)
    again = {"confidence": confidence[mixed], "correct": correct[mixed]}
    assert equal_mass_error.value(again) == pytest.approx(expected)


def test_the_null_is_what_a_calibrated_model_reads():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.5, 1, 150)
    calibrated = [
        equal_width_error.value(
            {"confidence": confidence, "correct": (rng.random(150) < confidence).astype(float)}
        )
        for _ in range(400)
    ]
    parts = {"confidence": confidence, "correct": np.ones(150)}
    reading = equal_width_error.read(column(parts), (0, 1), 0)
    assert reading.null == pytest.approx(np.mean(calibrated), rel=0.06)
    assert reading.null > 0.05
    found = estimate(column(parts), id=EstimateId.parse("p/m@a"), range=(0, 1), direction="lower",
                     statistic=equal_width_error)
    assert found.null == reading.null


def test_the_null_of_equal_mass_is_what_a_calibrated_model_reads():
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.5, 1, 60)
    calibrated = [
        equal_mass_error.value({"confidence": confidence, "correct": (rng.random(60) < confidence).astype(float)})
        for _ in range(400)
    ]
    reading = equal_mass_error.read(column({"confidence": confidence, "correct": np.ones(60)}), (0, 1), 0)
    assert reading.null == pytest.approx(np.mean(calibrated), rel=0.08)


@pytest.mark.parametrize("of", [equal_mass_error, risk_over_coverage])
def test_a_draw_without_rows_has_no_value(of):
    weigh = of.prepare({"confidence": CONFIDENCE, "correct": CORRECT}).over(np.zeros(5, dtype=int), 1)
    assert np.isnan(weigh(np.zeros((1, 1)))[0])


@pytest.mark.slow
def test_a_sum_over_classes_has_the_same_last_digit_in_every_process():
    """Sets of texts have another order in each process; a score may not depend on it."""
    code = (
        "from auditkit.measure.metrics.calibration import brier_score\n"
        "from auditkit.schema import Output, Probabilities, Sample, Source\n"
        "classes = {f'class {i}': i / 78 for i in range(1, 13)}\n"
        "sample = Sample(id='p/1', benchmark='p', origin='1', target='class 12', source=Source(file='r', line=1))\n"
        "output = Output(request='0', rule='probabilities', answer=Probabilities(classes=classes))\n"
        "print(repr(brier_score(sample, output).value))"
    )
    values = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in "123456"
    }
    assert len(values) == 1
