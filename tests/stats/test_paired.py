"""Paired comparison: GSM8K correctness of four published models, and hand computation."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy import stats

from auditkit.schema import Compound, Exact
from auditkit.stats.clusters import design_effect, naive_error
from auditkit.stats.intervals import interval
from auditkit.stats.paired import mcnemar, paired_difference, paired_p, sign_flip


@pytest.fixture(scope="module")
def gsm8k(mirror):
    with (mirror / "official_results" / "gsm8k" / "example_model_correctness.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return tuple(np.array([float(row[name]) for row in rows]) for name in ("6b_verification", "175b_finetuning"))


def test_gsm8k(gsm8k):
    new, baseline = gsm8k
    d = new - baseline
    reading = paired_difference(new, baseline)
    assert reading.value == pytest.approx(0.0432146, abs=1e-7)
    assert reading.spread.parts == (Exact(hits=209, n=1319), Exact(hits=152, n=1319))
    assert interval(reading.spread) == pytest.approx((0.014477, 0.071918), abs=1e-6)
    assert naive_error(d) == pytest.approx(0.0143611, abs=1e-7)
    assert naive_error(d) < np.hypot(naive_error(new), naive_error(baseline)) == pytest.approx(0.0187763, abs=1e-7)
    assert paired_p(d) == pytest.approx(0.00315066, abs=1e-8)


def test_mcnemar():
    assert mcnemar(209, 152) == pytest.approx(0.00315066, abs=1e-8)
    assert mcnemar(0, 0) == 1
    assert mcnemar(7, 7) == 1
    assert mcnemar(3, 11) == pytest.approx(stats.binomtest(3, 14).pvalue)


def test_sign_flip_is_exact_for_few_clusters():
    d = np.array([1, 1, 1, 0, 1, -1, 1, 1], dtype=float)
    assert sign_flip(d) == pytest.approx(0.125)
    assert sign_flip(d[:0]) == 1
    assert sign_flip(np.zeros(5)) == 1


def test_sampled_sign_flip_comes_near_the_exact_one():
    d = np.array([1, 1, 1, 0, 1, -1, 1, 1], dtype=float)
    assert sign_flip(d, draws=255, seed=0) != 0.125
    assert sign_flip(np.tile(d, 1), draws=200, seed=0) == pytest.approx(0.125, abs=0.07)
    exact = stats.permutation_test(
        (np.arange(1.0, 15.0),), np.sum, permutation_type="samples", n_resamples=2**14
    ).pvalue
    assert sign_flip(np.arange(1.0, 15.0), draws=2**14) == pytest.approx(exact)
    assert sign_flip(np.arange(1.0, 15.0), draws=9_999) == pytest.approx((1 + 0) / 10_000, abs=6e-4)


def test_pairs_in_clusters_are_flipped_together():
    """Four clusters of ten equal differences: 2 of 16 sign patterns are as extreme, not 2 of 2^40."""
    d, clusters = np.ones(40), np.repeat(np.arange(4), 10)
    assert paired_p(d, (clusters,)) == pytest.approx(2 / 16)
    assert paired_p(d) == pytest.approx(2 * 0.5**40)


def test_graded_scores_are_wider_than_students_t():
    """A few small differences say little of the large ones that were not seen."""
    a, b = np.array([0.5, 0.7, 0.2, 0.9] * 10), np.array([0.4, 0.8, 0.1, 0.5] * 10)
    reading = paired_difference(a, b)
    assert isinstance(reading.spread, Compound)
    low, high = interval(reading.spread)
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert low < expected.low < reading.value < expected.high < high


def test_no_discordant_pair_is_not_certainty():
    same = np.array([1.0, 0.0] * 25)
    assert interval(paired_difference(same, same).spread) == pytest.approx((-0.071122, 0.071122), abs=1e-6)
    assert interval(paired_difference(same[:10], same[:10]).spread) == pytest.approx((-0.308497, 0.308497), abs=1e-6)
    assert paired_difference(np.ones(9), np.zeros(9)).spread == Exact(hits=9, n=9, range=(-1, 1))


def test_design_effect_of_repeated_rows_is_their_number():
    values = np.repeat(np.random.default_rng(0).random(200), 5)
    effect = design_effect(values, (np.repeat(np.arange(200), 5),))
    assert effect == pytest.approx(5, rel=0.01)
    assert design_effect(np.ones(4), ()) is None
    assert design_effect(np.array([0.0, 1.0]), (np.array(["a", "a"]),)) is None
