"""Intervals and p-values of any spread: each is the other turned round, and what must hold for all of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from auditkit.schema import Compound, Exact, Share, Spread
from auditkit.stats.intervals import interval, limits, p_value, point


def share(hits: int, n: int, clusters: int = 0) -> Share:
    """Equal clusters of equal scores."""
    clusters = clusters or n
    p, size = hits / n, n // clusters
    squares = clusters / (clusters - 1) * clusters * p * (1 - p) * size**2
    return Share(share=p, n=n, largest=size, squares=squares, effective_clusters=clusters, capped=True)


def test_no_spread_has_no_interval_and_proves_nothing():
    assert interval(None) == (None, None)
    assert p_value(None, 0.5, "above") == 1
    with pytest.raises(ValueError, match="level"):
        interval(share(1, 2), 1.0)


def test_a_difference_and_a_ratio_join_the_limits_of_their_sides():
    a, b = share(56, 70, 35), share(48, 80, 40)
    (low_a, high_a), (low_b, high_b) = interval(a), interval(b)
    difference = Compound(op="difference", parts=(a, b), r=0.25)
    across = math.sqrt((0.8 - low_a) ** 2 + (high_b - 0.6) ** 2 - 0.5 * (0.8 - low_a) * (high_b - 0.6))
    assert interval(difference)[0] == pytest.approx(0.2 - across)
    assert point(difference) == pytest.approx(0.2)
    ratio = Compound(op="ratio", parts=(b, a))
    assert point(ratio) == pytest.approx(0.75)
    low, high = interval(ratio)
    assert low_b / high_a < low < 0.75 < high < high_b / low_a


def test_a_ratio_over_nothing_is_unbounded():
    spread = Compound(op="ratio", parts=(share(40, 50), share(0, 50)))
    assert interval(spread)[1] is None
    assert point(spread) is None
    assert point(Compound(op="gap", parts=(spread,))) is None
    # there is no side to put a limit on
    assert interval(Compound(op="difference", parts=(spread, spread))) == (None, None)
    # beyond an end that is not there nothing is excluded
    assert p_value(spread, 100.0, "below") >= 0.5
    assert p_value(Compound(op="smallest_ratio", parts=(spread,)), 0.9, "above") >= 0.5


def test_a_gap_takes_its_lower_limit_at_a_share_of_alpha_and_its_upper_limit_whole():
    parts = tuple(
        Compound(op="difference", parts=(share(a, 80, 40), share(b, 80, 40))) for a, b in ((60, 36), (30, 36), (20, 60))
    )
    gap = Compound(op="gap", parts=parts)
    corrected = [limits(part, 0.025 / 3) for part in parts]
    alone = [limits(part, 0.025) for part in parts]
    assert point(gap) == pytest.approx(0.5)
    assert interval(gap)[0] == pytest.approx(max(max(low, -high) for low, high in corrected))
    assert interval(gap)[1] == pytest.approx(max(max(abs(low), abs(high)) for low, high in alone))


def test_gap_without_evidence_starts_at_zero():
    spread = Compound(op="gap", parts=(Compound(op="difference", parts=(share(40, 80, 20), share(42, 80, 20))),))
    assert interval(spread)[0] == 0


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 200), hits=st.floats(0, 1), bound=st.floats(0.001, 0.999))
def test_exact_p_values_are_those_of_the_binomial_test(n, hits, bound):
    count = round(hits * n)
    for side, alternative in (("above", "greater"), ("below", "less")):
        expected = stats.binomtest(count, n, bound, alternative=alternative).pvalue
        assert p_value(Exact(hits=count, n=n), bound, side) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_tiny_p_values_keep_their_digits():
    assert p_value(Exact(hits=200, n=200), 0.1, "above") == pytest.approx(1e-200, rel=1e-6)
    assert p_value(share(400, 400, 100), 0.1, "above") == 1e-15
    # without a miss U(p) of 1 − .5 is a power of the tail: all hits, cluster by cluster, against one half
    certain = share(80, 80, 40)
    p = p_value(certain, 0.7, "above")
    assert limits(certain, p)[0] == pytest.approx(0.7, abs=1e-8)


def test_32_clusters_of_hits_in_a_family_of_110():
    """Statistics, §11: lower limit .735."""
    spread = share(128, 128, 32)
    assert limits(spread, 0.025 / 110)[0] == pytest.approx(0.735, abs=5e-4)


@st.composite
def exacts(draw):
    n = draw(st.integers(2, 500))
    return Exact(hits=draw(st.integers(0, n)), n=n, range=draw(ranges))


@st.composite
def shares(draw, ranges=None):
    """Of clusters of any sizes, with any residuals that a mean p allows."""
    p = draw(st.floats(0, 1).map(lambda x: round(x, 3)))
    clusters, size = draw(st.integers(2, 300)), draw(st.integers(1, 40))
    largest = draw(st.integers(size, 3 * size))
    n = clusters * size
    effective = draw(st.floats(max(1.2, clusters / 9), clusters))
    icc = draw(st.floats(0, 1))
    squares = n * p * (1 - p) * (1 + (size - 1) * icc)
    return Share(
        share=p, n=n, largest=largest, squares=squares, effective_clusters=effective, capped=draw(st.booleans()),
        range=(0.0, 1.0) if ranges is None else draw(ranges),
    )


ranges = st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 100.0)])
two = st.tuples(shares(), shares())
# what narrows a difference (r > 0) may, at levels near 0 and with two or three rows, do so by more than a level widens
correlations = st.floats(-1, 0)
differences = st.builds(Compound, op=st.just("difference"), parts=two, r=correlations)
ratios = st.builds(Compound, op=st.just("ratio"), parts=two)
gaps = st.builds(Compound, op=st.just("gap"), parts=st.lists(differences, min_size=1, max_size=4).map(tuple))
smallest = st.builds(Compound, op=st.just("smallest_ratio"), parts=st.lists(ratios, min_size=1, max_size=3).map(tuple))
spreads: st.SearchStrategy[Spread] = st.one_of(exacts(), shares(ranges), differences, ratios, gaps, smallest)
levels = st.floats(0.05, 0.9999)
sides = st.sampled_from(["above", "below"])


@settings(max_examples=200, deadline=None)
@given(spread=spreads, level=levels, wider=levels)
def test_a_higher_level_never_narrows(spread, level, wider):
    level, wider = sorted((level, wider))
    (low, high), (lower, higher) = interval(spread, level), interval(spread, wider)
    assume(low is not None and lower is not None)
    assert lower <= low + 1e-9
    assert higher is None or (high is not None and higher >= high - 1e-9)


@settings(max_examples=200, deadline=None)
@given(spread=spreads, level=levels)
def test_limits_stay_inside_the_range_and_in_order(spread, level):
    low, high = interval(spread, level)
    assume(low is not None)
    bounds = {"difference": (-1, 1), "gap": (0, 1), "ratio": (0, math.inf), "smallest_ratio": (0, 1)}
    allowed = getattr(spread, "range", None) or bounds[spread.op]
    assert allowed[0] - 1e-9 <= low <= (math.inf if high is None else high) + 1e-12
    assert high is None or high <= allowed[1] + 1e-9


@settings(max_examples=250, deadline=None)
@given(spread=spreads, level=st.floats(0.2, 0.9999), place=st.floats(-0.2, 1.2), side=sides)
@example(spread=share(0, 9), level=0.95, place=0.0, side="above")
@example(spread=share(9, 9), level=0.95, place=1.0, side="below")
@example(spread=Exact(hits=0, n=9), level=0.95, place=0.0, side="above")
def test_p_value_is_the_inversion_of_the_interval(spread, level, place, side):
    low, high = getattr(spread, "range", None) or (0.0, 1.0)
    bound = low + (high - low) * place
    tail, p = (1 - level) / 2, p_value(spread, bound, side)
    assert 0 <= p <= 1
    assume(abs(p - tail) > 1e-6 * tail)
    end = interval(spread, level)[0 if side == "above" else 1]
    beyond = end is not None and (end > bound if side == "above" else end < bound)
    assume(end is None or end == bound or abs(end - bound) > 1e-9)
    assert beyond == (p < tail)


@settings(max_examples=80, deadline=None)
@given(spread=spreads, bound=st.floats(0.01, 0.99), further=st.floats(0.01, 0.99))
def test_p_value_rises_with_the_bound(spread, bound, further):
    low, high = getattr(spread, "range", None) or (0.0, 1.0)
    bound, further = (low + (high - low) * place for place in sorted((bound, further)))
    assert p_value(spread, bound, "above") <= p_value(spread, further, "above") + 1e-9
    assert p_value(spread, bound, "below") >= p_value(spread, further, "below") - 1e-9
