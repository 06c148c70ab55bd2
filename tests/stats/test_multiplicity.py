"""Corrections of families."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from auditkit.stats.multiplicity import bh, by, holm

FAMILY = [0.01, 0.04, 0.03, 0.005, 0.2]


def test_published_vectors():
    assert holm(FAMILY) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.2])
    assert bh(FAMILY) == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.2])
    assert by(FAMILY) == pytest.approx([0.05708, 0.11417, 0.11417, 0.05708, 0.45667], abs=1e-5)


@pytest.mark.parametrize(
    ("family", "adjusted", "rejected"),
    [
        ([0.9, 0.001, 0.5, 0.02, 0.03], [0.9, 0.005, 0.625, 0.05, 0.05], 3),
        ([0.05, 0.2, 0.3, 0.4, 0.001], [0.125, 1 / 3, 0.375, 0.4, 0.005], 1),
    ],
)
def test_ranks_are_not_argsort(family, adjusted, rejected):
    assert bh(family) == pytest.approx(adjusted)
    assert sum(p <= 0.1 for p in bh(family)) == rejected


def test_an_undefined_p_value_still_counts():
    assert holm([0.01, None, 0.03]) == pytest.approx([0.03, 1, 0.06])
    assert bh([None, 0.01]) == pytest.approx([1, 0.02])
    assert holm([]) == bh([]) == by([]) == []


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="0, 1"):
        holm([0.1, 1.2])


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_agrees_with_statsmodels(family):
    for ours, name in ((holm, "holm"), (bh, "fdr_bh"), (by, "fdr_by")):
        assert ours(family) == pytest.approx(multipletests(family, method=name)[1].tolist(), abs=1e-12)
