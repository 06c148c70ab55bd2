"""Limits and p-values: published vectors, other libraries, and properties that must hold for any spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from auditkit.schema import Bootstrap, Compound, Exact, Pairs, Spread, StudentT, Wilson
from auditkit.stats.intervals import interval, p_value, point, quantile


def wilson(hits: int, n: int) -> Wilson:
    return Wilson(share=hits / n, n_eff=n)


@pytest.mark.parametrize(
    ("hits", "n", "by_wilson", "by_clopper_pearson"),
    [
        (0, 10, (0, 0.277533), (0, 0.308497)),
        (1, 10, (0.017876, 0.404150), (0.002529, 0.445016)),
        (10, 10, (0.722467, 1), (0.691503, 1)),
        (286, 1319, (0.195431, 0.239875), (0.194864, 0.240067)),
    ],
)
def test_shares_have_the_published_limits(hits, n, by_wilson, by_clopper_pearson):
    assert interval(wilson(hits, n)) == pytest.approx(by_wilson, abs=1e-6)
    assert interval(Exact(hits=hits, n=n)) == pytest.approx(by_clopper_pearson, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 400), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_shares_agree_with_statsmodels(n, share, level):
    hits = round(share * n)
    assert interval(Exact(hits=hits, n=n), level) == pytest.approx(
        proportion_confint(hits, n, 1 - level, "beta"), abs=1e-9
    )
    assert interval(wilson(hits, n), level) == pytest.approx(proportion_confint(hits, n, 1 - level, "wilson"), abs=1e-9)


def test_limits_are_placed_by_the_range():
    low, high = interval(Exact(hits=1, n=10, range=(-1, 1)))
    assert (low, high) == pytest.approx((2 * 0.002529 - 1, 2 * 0.445016 - 1), abs=2e-6)
    low, high = interval(Pairs(b=0, c=0, n_eff=10, range=(-100, 100)))
    assert (low, high) == pytest.approx((-23.0984, 23.0984), abs=1e-4)


def test_difference_of_shares_is_newcombe():
    spread = Compound(op="difference", parts=(wilson(56, 70), wilson(48, 80)))
    assert interval(spread) == pytest.approx((0.052431, 0.333873), abs=1e-6)
    assert interval(spread, 0.9) == pytest.approx(
        confint_proportions_2indep(56, 70, 48, 80, method="newcomb", alpha=0.1, correction=False), abs=1e-9
    )


def test_ratio_of_shares_is_mover_r():
    spread = Compound(op="ratio", parts=(wilson(48, 80), wilson(56, 70)))
    assert interval(spread) == pytest.approx((0.601352, 0.927390), abs=1e-6)
    assert point(spread) == pytest.approx(0.75)
    nothing = Compound(op="ratio", parts=(wilson(0, 50), wilson(40, 50)))
    assert point(nothing) == 0
    assert interval(nothing) == pytest.approx((0, 0.090393), abs=1e-6)


def test_ratio_over_nothing_is_unbounded():
    spread = Compound(op="ratio", parts=(wilson(40, 50), wilson(0, 50)))
    low, high = interval(spread)
    assert high is None
    assert low > 1
    assert point(spread) is None
    assert interval(Compound(op="ratio", parts=(wilson(0, 5), wilson(0, 5)))) == (0, None)


def test_ratio_of_tiny_samples_crosses_the_singular_point_smoothly():
    """At u_B = 2·p_B the usual form of the lower limit is 0/0."""
    q2 = quantile(None, 0.025) ** 2
    share = 1 / (2 * (10 / q2 + 1)) + 0.5 / (10 / q2 + 1)
    lows = [
        interval(Compound(op="ratio", parts=(wilson(5, 10), Wilson(share=share + step, n_eff=10))))[0]
        for step in np.linspace(-0.02, 0.02, 41)
    ]
    assert all(x is not None and math.isfinite(x) for x in lows)
    assert np.abs(np.diff(lows)).max() < 0.02


def test_bonett_price_has_the_published_limits():
    assert interval(Pairs(b=209, c=152, n_eff=1319)) == pytest.approx((0.014977, 0.071321), abs=1e-6)
    assert interval(Pairs(b=0, c=0, n_eff=50)) == pytest.approx((-0.053304, 0.053304), abs=1e-6)
    assert interval(Pairs(b=0, c=0, n_eff=10)) == pytest.approx((-0.230984, 0.230984), abs=1e-6)


def test_t_on_the_log_scale_is_the_exponential_of_the_plain_one():
    plain = interval(StudentT(mean=-0.3, se=0.1, df=9))
    assert interval(StudentT(mean=-0.3, se=0.1, df=9, log=True)) == pytest.approx([math.exp(x) for x in plain])
    assert plain == pytest.approx(stats.t.interval(0.95, 9, -0.3, 0.1))
    assert quantile(3, 0.025) == pytest.approx(3.182446, abs=1e-6)


def test_gap_takes_each_contrast_at_its_share_of_alpha():
    parts = tuple(StudentT(mean=m, se=s, df=30) for m, s in ((0.3, 0.05), (-0.1, 0.1), (-0.4, 0.02)))
    q = stats.t.isf(0.025 / 3, 30)
    expected = (max(0.3 - q * 0.05, 0.4 - q * 0.02), max(0.3 + q * 0.05, 0.4 + q * 0.02, 0.1 + q * 0.1))
    assert interval(Compound(op="gap", parts=parts)) == pytest.approx(expected, abs=1e-9)
    assert point(Compound(op="gap", parts=parts)) == pytest.approx(0.4)


def test_gap_without_evidence_starts_at_zero():
    assert interval(Compound(op="gap", parts=(StudentT(mean=0.1, se=0.2, df=9),)))[0] == 0


def test_smallest_ratio_is_the_gap_of_logarithms():
    means, errors = (math.log(0.8), math.log(1.5)), (0.1, 0.05)
    spread = Compound(
        op="smallest_ratio",
        parts=tuple(StudentT(mean=m, se=s, df=20, log=True) for m, s in zip(means, errors, strict=True)),
    )
    q = stats.t.isf(0.025 / 2, 20)
    low = math.exp(-max(abs(m) + q * s for m, s in zip(means, errors, strict=True)))
    high = math.exp(-max(abs(m) - q * s for m, s in zip(means, errors, strict=True)))
    assert interval(spread) == pytest.approx((low, high), abs=1e-9)


def test_smallest_ratio_with_an_unbounded_contrast_could_be_nought():
    unbounded = Compound(op="ratio", parts=(wilson(40, 50), wilson(0, 50)))
    low, high = interval(Compound(op="smallest_ratio", parts=(unbounded,)))
    assert low == 0
    assert 0 < high < 1


def test_bootstrap_reads_its_grid_and_knows_nothing_beyond():
    levels = (0.001, 0.025, 0.5, 0.975, 0.999)
    spread = Bootstrap(levels=levels, quantiles=tuple(stats.norm.ppf(levels)))
    assert interval(spread) == pytest.approx((-1.959964, 1.959964), abs=1e-6)
    assert interval(spread, 0.9) == pytest.approx((-1.644854, 1.644854), abs=1e-6)
    assert interval(spread, 0.9999) == (None, None)
    assert p_value(spread, -2.5, "above") == pytest.approx(stats.norm.cdf(-2.5), rel=1e-6)
    assert p_value(spread, -9, "above") == pytest.approx(0.001, rel=1e-6)


def test_no_spread_has_no_interval_and_proves_nothing():
    assert interval(None) == (None, None)
    assert p_value(None, 0.5, "above") == 1
    with pytest.raises(ValueError, match="level"):
        interval(wilson(1, 2), 1.0)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 200), share=st.floats(0, 1), bound=st.floats(0.001, 0.999))
def test_exact_p_values_are_those_of_the_binomial_test(n, share, bound):
    hits = round(share * n)
    for side, alternative in (("above", "greater"), ("below", "less")):
        expected = stats.binomtest(hits, n, bound, alternative=alternative).pvalue
        assert p_value(Exact(hits=hits, n=n), bound, side) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_certainty_in_twenty_clusters_has_the_published_p():
    """40 of 40 in 20 clusters against .5 ± .2: p = .0043."""
    assert p_value(Wilson(share=1, n_eff=20, df=19), 0.7, "above") == pytest.approx(0.0043, abs=5e-5)


def test_a_t_p_value_is_that_of_the_t_test():
    x = np.array([0.1, 0.4, 0.35, 0.2, 0.6, 0.15])
    spread = StudentT(mean=x.mean(), se=x.std(ddof=1) / math.sqrt(6), df=5, range=(0, 1))
    assert p_value(spread, 0.2, "above") == pytest.approx(stats.ttest_1samp(x, 0.2, alternative="greater").pvalue)
    assert p_value(spread, 0.2, "below") == pytest.approx(stats.ttest_1samp(x, 0.2, alternative="less").pvalue)


def test_tiny_p_values_keep_their_digits():
    assert p_value(StudentT(mean=0.9, se=0.01, df=1000), 0.5, "above") == pytest.approx(stats.t.sf(40, 1000), rel=1e-6)
    assert p_value(Exact(hits=200, n=200), 0.1, "above") == pytest.approx(1e-200, rel=1e-6)


shares = st.floats(0, 1).map(lambda x: round(x, 3))
sizes = st.floats(2, 2000)
degrees = st.none() | st.integers(1, 200).map(float)
ranges = st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 100.0)])


@st.composite
def exacts(draw):
    n = draw(st.integers(2, 500))
    return Exact(hits=draw(st.integers(0, n)), n=n, range=draw(ranges))


@st.composite
def pairs(draw):
    n, b = draw(sizes), draw(shares)
    c = draw(shares) * (1 - b)
    return Pairs(b=b * n, c=c * n, n_eff=n, df=draw(degrees))


wilsons = st.builds(Wilson, share=shares, n_eff=sizes, df=degrees, range=ranges)
unit_wilsons = st.builds(Wilson, share=shares, n_eff=sizes, df=degrees)
ts = st.builds(StudentT, mean=shares, se=st.floats(0.001, 0.5), df=st.integers(1, 200), range=st.just((0.0, 1.0)))
logs = st.builds(StudentT, mean=st.floats(-2, 2), se=st.floats(0.01, 0.5), df=st.integers(2, 200), log=st.just(True))
two = st.tuples(unit_wilsons, unit_wilsons)
differences = st.builds(Compound, op=st.just("difference"), parts=two)
mover_rs = st.builds(Compound, op=st.just("ratio"), parts=two)
gaps = st.builds(Compound, op=st.just("gap"), parts=st.lists(ts | differences, min_size=1, max_size=4).map(tuple))
smallest = st.builds(
    Compound, op=st.just("smallest_ratio"), parts=st.lists(logs | mover_rs, min_size=1, max_size=3).map(tuple)
)
spreads: st.SearchStrategy[Spread] = st.one_of(
    exacts(), wilsons, pairs(), ts, logs, differences, mover_rs, gaps, smallest
)
levels = st.floats(0.05, 0.9999)
sides = st.sampled_from(["above", "below"])


@settings(max_examples=300, deadline=None)
@given(spread=spreads, level=levels, wider=levels)
def test_a_higher_level_never_narrows(spread, level, wider):
    level, wider = sorted((level, wider))
    (low, high), (lower, higher) = interval(spread, level), interval(spread, wider)
    assert lower is not None
    assert low is not None
    assert lower <= low + 1e-9
    assert higher is None or (high is not None and higher >= high - 1e-9)


@settings(max_examples=300, deadline=None)
@given(spread=spreads, level=levels)
def test_limits_stay_inside_the_range_and_in_order(spread, level):
    low, high = interval(spread, level)
    bounds = {"difference": (-1, 1), "gap": (0, math.inf), "ratio": (0, math.inf), "smallest_ratio": (0, 1)}
    allowed = getattr(spread, "range", None) or bounds.get(getattr(spread, "op", ""), (0, math.inf))
    assert low is not None
    assert allowed[0] - 1e-9 <= low <= (math.inf if high is None else high) + 1e-12
    assert high is None or high <= allowed[1] + 1e-9


@settings(max_examples=400, deadline=None)
@given(spread=spreads, level=st.floats(0.2, 0.9999), place=st.floats(-0.2, 1.2), side=sides)
@example(spread=Wilson(share=0, n_eff=9), level=0.95, place=0.0, side="above")
@example(spread=Wilson(share=1, n_eff=9), level=0.95, place=1.0, side="below")
@example(spread=Exact(hits=0, n=9), level=0.95, place=0.0, side="above")
@example(spread=StudentT(mean=0.5, se=0.0, df=3), level=0.95, place=0.5, side="above")
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


@settings(max_examples=100, deadline=None)
@given(spread=spreads, bound=st.floats(0.01, 0.99), further=st.floats(0.01, 0.99))
def test_p_value_rises_with_the_bound(spread, bound, further):
    bound, further = sorted((bound, further))
    assert p_value(spread, bound, "above") <= p_value(spread, further, "above") + 1e-9
    assert p_value(spread, bound, "below") >= p_value(spread, further, "below") - 1e-9


@pytest.mark.parametrize("op", ["difference", "ratio", "gap", "smallest_ratio"])
def test_what_is_made_of_an_unknown_part_is_unknown(op):
    """Beyond the grid of a bootstrap nothing is known, nor of a ratio over nothing."""
    grid = Bootstrap(levels=(0.05, 0.5, 0.95), quantiles=(0.1, 0.2, 0.4))
    assert interval(Compound(op=op, parts=(grid, grid)), 0.9999) == (None, None)
    over_nothing = Compound(op="ratio", parts=(Exact(hits=5, n=10), Exact(hits=0, n=10)))
    assert point(Compound(op=op, parts=(over_nothing, over_nothing))) is None
