"""What the unscored samples could have made of a number, checked against every way of filling them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import contrast_value, gap, smallest_ratio
from auditkit.stats.fills import bounds, contrast_fills, pair_fills
from auditkit.stats.intervals import interval, point


def test_worst_case_of_a_mean():
    assert bounds(0.25, 80, 20) == pytest.approx((0.20, 0.40))
    assert bounds(0.0, 0, 3, (-1, 1)) == (-1, 1)
    with pytest.raises(ValueError, match="no bounds"):
        bounds(0.0, 0, 0)


def test_a_pair_with_a_side_missing():
    missing = np.nan
    low, high = pair_fills(np.array([0.7, missing, missing, 0.7]), np.array([missing, 0.2, missing, 0.2]))
    assert low == pytest.approx([-0.3, -0.2, -1, 0.5])
    assert high == pytest.approx([0.7, 0.8, 1, 0.5])


cells = st.sampled_from([0.0, 1.0, "refused", "outside"])
rows = st.lists(cells, min_size=1, max_size=4).filter(lambda row: set(row) != {"outside"})


@settings(max_examples=150, deadline=None)
@given(
    groups=st.lists(rows, min_size=2, max_size=3),
    op=st.sampled_from(["gap", "smallest_ratio"]),
)
def test_contrast_fills_are_the_extremes_over_all_fills(groups, op):
    """The lowest and highest value over every assignment of fractions to the missing scores."""
    columns = {
        str(i): ScoreColumn(
            np.array([np.nan if isinstance(x, str) else x for x in row]),
            np.array([x if isinstance(x, str) else "" for x in row], dtype=object),
            (np.array([f"t{j}" for j in range(len(row))]),),
        )
        for i, row in enumerate(groups)
    }
    reachable = []
    for row in groups:
        known = [x for x in row if not isinstance(x, str)]
        missing = row.count("refused")
        means = [(sum(known) + missing * share) / (len(known) + missing) for share in np.linspace(0, 1, 13)]
        reachable.append(means)
    values = [contrast_value(op, list(means)) for means in product(*reachable)]
    undefined = None in values
    values = [value for value in values if value is not None]
    low, high = contrast_fills(op, columns)
    if undefined:
        # A ratio of nothing to nothing may be reached: the fills may then stay undefined, or lie further out.
        assert low.value is None or not values or low.value <= min(values) + 1e-9
        assert high.value is None or not values or high.value >= max(values) - 1e-9
        return
    assert min(values) - 0.12 <= low.value <= min(values) + 1e-9
    assert max(values) - 1e-9 <= high.value <= max(values) + 0.12


@pytest.mark.parametrize(("op", "build"), [("gap", gap), ("smallest_ratio", smallest_ratio)])
def test_contrast_fills_hold_the_contrast_and_carry_spreads(column, op, build):
    rng = np.random.default_rng(3)

    def rows(p, missing):
        return [
            [("unparsed" if rng.random() < missing else float(rng.random() < p)) for _ in range(4)] for _ in range(30)
        ]

    groups = {"a": column(rows(0.9, 0.1)), "b": column(rows(0.5, 0.2)), "c": column(rows(0.55, 0.1))}
    value = build(groups).value
    low, high = contrast_fills(op, groups)
    assert low.value < value < high.value
    for reading in (low, high):
        assert point(reading.spread) == pytest.approx(reading.value)
        bottom, top = interval(reading.spread)
        assert bottom <= reading.value <= top


def test_groups_that_could_be_equal_have_a_lowest_gap_of_nought(column):
    groups = {"a": column([[1, 0, "tied"]] * 20), "b": column([[1, 1, "tied"]] * 20)}
    low, _ = contrast_fills("gap", groups)
    assert low.value == 0
    assert interval(low.spread)[0] == 0
    assert interval(low.spread)[1] > 0.1


def test_nothing_to_compare_has_no_fills(column):
    low, high = contrast_fills("gap", {"a": column([[1], [0]]), "b": column([["outside"]])})
    assert low.value is high.value is None
