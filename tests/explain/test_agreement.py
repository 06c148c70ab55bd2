"""How far two rankings of words agree, held against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from auditkit.explain.agreement import rank_agreement


def test_rank_agreement_equals_scipy() -> None:
    generator = np.random.default_rng(0)
    for size in (2, 5, 30):
        first, second = generator.integers(0, 6, size).astype(float), generator.normal(size=size)
        first[0] = 9.0
        expected = scipy.stats.spearmanr(first, second).statistic
        assert rank_agreement(first, second) == pytest.approx(expected)


def test_rank_agreement_of_too_little_is_none() -> None:
    assert rank_agreement(np.array([1.0]), np.array([2.0])) is None
    assert rank_agreement(np.array([1.0, 1.0]), np.array([2.0, 3.0])) is None
