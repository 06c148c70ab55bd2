"""The largest gap of a corpus statistic: on the mean as a corpus statistic, whose gap is known, and where none is."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import TOO_FEW_GROUPS
from auditkit.stats.corpus import statistic
from auditkit.stats.corpus_gaps import NO_FILL, corpus_gap, corpus_gap_fills
from auditkit.stats.intervals import interval
from auditkit.stats.means import NO_SCORES, TOO_FEW
from auditkit.stats.weighted import Additive


def share(parts):
    """Hits over the rows that count."""
    return Additive.of([parts["hit"], parts["counts"]], lambda sums: sums[:, 0] / sums[:, 1])


def fill(parts, missing):
    low, high = (np.where(missing, value, parts["hit"]) for value in (0.0, 1.0))
    return {**parts, "hit": low}, {**parts, "hit": high}


bounded = statistic(fill=fill, undefined="no row counts")(share)
unbounded = statistic()(share)
half_bounded = statistic(fill=lambda parts, missing: (None, parts))(share)


def group(hits, missing=0, clusters=None, counts=1.0):
    n = len(hits) + missing
    reasons = np.array([""] * len(hits) + ["unparsed"] * missing, dtype=object)
    parts = {"hit": counts * np.array([*hits, *[0.0] * missing], dtype=float), "counts": np.full(n, counts)}
    factor = np.arange(n) if clusters is None else np.asarray(clusters)
    return ScoreColumn(np.full(n, np.nan), reasons, (factor,), parts)


def hits(count, n=60):
    return np.random.default_rng(count).permutation(np.arange(n) < count).astype(float)


def test_the_gap_is_the_largest_of_all_pairs():
    columns = {"a": group(hits(50)), "b": group(hits(30)), "c": group(hits(40))}
    reading = corpus_gap(bounded, columns, (0, 1), 0)
    assert reading.value == pytest.approx(20 / 60)
    assert reading.method.startswith("3 pairwise contrasts: MOVER on the jackknife over 60 clusters")
    low, high = interval(reading.spread)
    assert low < reading.value < high
    assert corpus_gap(bounded, dict(reversed(columns.items())), (0, 1), 0).value == reading.value


@pytest.mark.parametrize(
    ("columns", "method"),
    [
        ({"a": group(hits(50))}, TOO_FEW_GROUPS),
        ({"a": group(hits(50)), "b": group([], missing=5)}, NO_SCORES),
        ({"a": group(hits(50)), "b": group(hits(30), counts=0.0)}, "none (undefined in a group: no row counts)"),
    ],
)
def test_without_a_value_in_every_group_there_is_none(columns, method):
    reading = corpus_gap(bounded, columns, (0, 1), 0)
    assert (reading.value, reading.spread, reading.method) == (None, None, method)


def test_one_cluster_has_a_gap_and_no_interval():
    columns = {"a": group(hits(50), clusters=[0] * 60), "b": group(hits(30), clusters=[0] * 60)}
    reading = corpus_gap(bounded, columns, (0, 1), 0)
    assert (reading.value, reading.spread, reading.method) == (pytest.approx(20 / 60), None, TOO_FEW)


def test_a_difference_of_what_is_missing_or_undefined_is_none():
    full, empty, undefined = group(hits(50)), group([], missing=5), group(hits(30), counts=0.0)
    assert bounded.difference(full, empty, (0, 1), 0).method == NO_SCORES
    assert bounded.difference(full, undefined, (0, 1), 0).method == "none (undefined: no row counts)"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_fills_bound_every_way_of_answering(order):
    """50 and 20 of 60, ten missing in each: gaps from 50/70 − 30/70 to 60/70 − 20/70."""
    columns = {"a": group(hits(50), missing=10), "b": group(hits(20), missing=10)}
    near, far = corpus_gap_fills(bounded, {name: columns[name] for name in order}, (0, 1), 0)
    assert near.value == pytest.approx(20 / 70)
    assert far.value == pytest.approx(40 / 70)
    assert interval(near.spread)[0] < near.value < interval(near.spread)[1]


def test_groups_that_could_be_equal_have_a_gap_of_nought():
    columns = {"a": group(hits(33), missing=10), "b": group(hits(30))}
    near, far = corpus_gap_fills(bounded, columns, (0, 1), 0)
    assert near.value == 0
    assert interval(near.spread)[0] == 0
    assert interval(near.spread)[1] > 0
    assert far.value == pytest.approx(43 / 70 - 30 / 60)
    alone = {name: group(hits(30), missing=10, clusters=[0] * 70) for name in "ab"}
    near, _ = corpus_gap_fills(bounded, alone, (0, 1), 0)
    assert (near.value, near.spread) == (0.0, None)


@pytest.mark.parametrize("of", [unbounded, half_bounded])
def test_without_both_fills_nothing_is_bounded(of):
    columns = {"a": group(hits(50), missing=10), "b": group(hits(20))}
    for reading in corpus_gap_fills(of, columns, (0, 1), 0):
        assert (reading.value, reading.spread, reading.method) == (None, None, NO_FILL)
