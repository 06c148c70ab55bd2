"""Sample sizes, and the n that would decide."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from auditkit.schema import Compound, EstimateId, Exact, Share
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.estimates import contrast, estimate
from auditkit.stats.intervals import interval, point
from auditkit.stats.power import detectable, n_to_decide, sample_size, scaled

LABELS = {"id": EstimateId.parse("pack/m@a"), "direction": "lower"}


def make(values, reasons=None, clusters=()):
    values = np.array(values, dtype=float)
    reasons = np.where(np.isnan(values), "refused", "").astype(object) if reasons is None else reasons
    return ScoreColumn(values, reasons, clusters)


def test_published_vectors():
    assert sample_size(0.03, 1 / 9) == 969
    assert detectable(200, 0.25) == pytest.approx(0.099051, abs=1e-6)
    assert sample_size(0.03, 0.25) == 2181


def test_design_effect_and_draws_scale_the_size():
    assert sample_size(0.03, 1 / 9, design_effect=3) == 2907
    assert sample_size(0.03, 0.1, noise=0.1, draws=10) == sample_size(0.03, 0.11)
    assert detectable(200, 0.25, design_effect=4) == pytest.approx(2 * 0.099051, abs=2e-6)


def test_large_samples_agree_with_statsmodels():
    theirs = TTestPower().solve_power(effect_size=0.03 / (1 / 3), power=0.8, alpha=0.05)
    assert sample_size(0.03, 1 / 9) == pytest.approx(theirs, abs=3)


def test_a_decided_check_needs_what_it_has():
    passed = estimate(make([0.0] * 100), range=(0, 1), **LABELS)
    assert n_to_decide(passed, high=0.1) == 100


def test_zero_hits_need_enough_zeros():
    """Clopper–Pearson of 0 hits is below .1 from n = 36 on: 1 − .025^(1/36) = .0974, 1 − .025^(1/35) = .1000."""
    short = estimate(make([0.0] * 10), range=(0, 1), **LABELS)
    assert n_to_decide(short, high=0.1) == pytest.approx(36, abs=1)


def test_failing_needs_data_too():
    short = estimate(make([1.0, 1.0, 0.0, 1.0] * 3), range=(0, 1), **LABELS)
    needed = n_to_decide(short, high=0.6)
    assert needed is not None
    decided = make([1.0, 1.0, 0.0, 1.0] * (needed // 4 + 1))
    assert estimate(decided, range=(0, 1), **LABELS).low > 0.6


def test_none_would_do_where_the_unscored_decide():
    torn = estimate(make([0.0] * 60 + [np.nan] * 40), range=(0, 1), **LABELS)
    assert n_to_decide(torn, high=0.2) is None
    assert n_to_decide(torn, high=0.5) is not None
    assert n_to_decide(estimate(make([]), range=(0, 1), **LABELS), high=0.5) is None


def test_none_would_do_on_the_bound_itself():
    assert n_to_decide(estimate(make([1.0, 0.0] * 20), range=(0, 1), **LABELS), high=0.5) is None


def test_two_sided_bounds():
    values, clusters = [1.0, -1.0, 0.0, 0.0] * 10, (np.repeat(np.arange(10), 4),)
    around = estimate(make(values, clusters=clusters), range=(-1, 1), **LABELS)
    needed = n_to_decide(around, low=-0.1, high=0.1)
    assert needed > 40
    more = needed // 4 + 1
    column = make([1.0, -1.0, 0.0, 0.0] * more, clusters=(np.repeat(np.arange(more), 4),))
    larger = estimate(column, range=(-1, 1), **LABELS)
    assert -0.1 < larger.low < larger.high < 0.1


def test_a_gap_can_be_decided_by_more():
    rng = np.random.default_rng(0)
    groups = {
        g: make((rng.random(80) < p).astype(float), clusters=(np.repeat(np.arange(20), 4),))
        for g, p in (("a", 0.9), ("b", 0.8))
    }
    needed = n_to_decide(contrast(groups, id=EstimateId.parse("pack/m@a[g:gap]"), range=(0, 1)), high=0.4)
    assert needed is not None
    assert needed >= 160


SHARE = Share(share=0.3, n=80, largest=4, squares=60.0, effective_clusters=20, capped=True)


@pytest.mark.parametrize(
    "spread",
    [Exact(hits=3, n=10), SHARE, Compound(op="difference", parts=(SHARE, SHARE), r=0.2)],
)
def test_a_larger_run_is_narrower_around_the_same_value(spread):
    larger = scaled(spread, 4)
    assert point(larger) == pytest.approx(point(spread))
    widths = [high - low for low, high in (interval(spread), interval(larger))]
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.25)
