"""Means and shares: published vectors, hand computation, and the traps of other tools."""

from __future__ import annotations

import csv
import gzip
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError
from auditkit.schema import Compound, Exact, Share
from auditkit.stats.clusters import Design, design_effect, naive_error, standard_error
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading


def read(column, range=(0, 1), **options):
    return mean_reading(column.values, column.clusters, range, **options)


def test_miller_clusters(column):
    """111|000|101|111: naive .142134, cluster .204124, with the correction .235702."""
    made = column([[1, 1, 1], [0, 0, 0], [1, 0, 1], [1, 1, 1]])
    error = standard_error(made.values, Design.of(made.clusters, 12))
    assert made.values.mean() == pytest.approx(0.666667, abs=1e-6)
    assert naive_error(made.values) == pytest.approx(0.142134, abs=1e-6)
    assert error == pytest.approx(0.235702, abs=1e-6)
    assert error / np.sqrt(4 / 3) == pytest.approx(0.204124, abs=1e-6)
    assert interval(read(made).spread) == pytest.approx((0.040512, 0.998700), abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0] * 4] * 30, (-0.117852, 0.117852)),
        ([[0] * 10] * 40, (-0.089250, 0.089250)),
        ([[1] * 8] * 6 + [[0] * 8] * 58, (0.011802, 0.195229)),
        ([[1, 1]] * 14 + [[-1, -1]] * 10, (-0.291230, 0.577605)),
        ([[1]] * 10 + [[-1]] * 4 + [[0]] * 86, (-0.020766, 0.143375)),
        ([[-0.5] * 4] * 3 + [[-1, 0, 0, 0]] * 6 + [[0, 0.5, 0, 0]] * 4 + [[0] * 4] * 27, (-0.145618, 0.027427)),
        ([[-1, 0]] * 3 + [[-1, 1]] * 2 + [[0, 1]] * 2 + [[0, 0]] * 57, (-0.070939, 0.055398)),
        ([[-0.6]] * 2 + [[-0.01]] * 110, (-0.049482, 0.014132)),
    ],
)
def test_scores_around_nought_have_the_published_limits(column, rows, expected):
    assert interval(read(column(rows), (-1, 1)).spread) == pytest.approx(expected, abs=1e-6)


def test_independent_hits_are_clopper_pearson():
    reading = mean_reading(np.array([1.0] + [0.0] * 9))
    assert reading.spread == Exact(hits=1, n=10)
    assert reading.method == "Clopper–Pearson"


def test_singleton_clusters_are_independent(column):
    assert read(column([[1], [0], [0]])).spread == Exact(hits=1, n=3)


def test_the_kind_of_score_decides():
    assert isinstance(mean_reading(np.array([0.0, -1.0]), (), (-1, 1)).spread, Compound)
    assert mean_reading(np.array([1.0, 1.0]), (), (-1, 1)).spread == Exact(hits=2, n=2, range=(-1, 1))
    assert isinstance(mean_reading(np.array([0.2, 0.9])).spread, Share)
    lost_and_won = mean_reading(np.array([2.0, -2.0, 0.0]), (), (-2, 2)).spread
    sides = (Exact(hits=1, n=3, range=(0, 2)), Exact(hits=1, n=3, range=(0, 2)))
    assert (lost_and_won.op, lost_and_won.parts) == ("difference", sides)
    assert lost_and_won.r == pytest.approx(-0.5)


def test_scores_at_both_ends_are_a_share_as_they_are_a_difference():
    """Where no score is 0, what lies above tells what lies below: r = −1 gives the limits of the share, twice."""
    ends = np.array([1.0] * 9 + [-1.0] * 15)
    low, high = interval(mean_reading(ends, (), (-1, 1)).spread)
    assert interval(mean_reading((ends + 1) / 2).spread) == pytest.approx(((low + 1) / 2, (high + 1) / 2))
    sides = tuple(Exact(hits=hits, n=24) for hits in (9, 15))
    assert interval(Compound(op="difference", parts=sides, r=-1.0)) == pytest.approx((low, high))


def test_graded_scores_count_for_more_than_hits_with_the_same_mean():
    codes = np.repeat(np.arange(30), 4)
    graded = mean_reading(np.tile([0.4, 0.5, 0.5, 0.6], 30), (codes,))
    hits = mean_reading(np.tile([1.0, 1.0, 0.0, 0.0], 30), (codes,))
    width, wider = (high - low for low, high in (interval(reading.spread) for reading in (graded, hits)))
    assert width < 0.8 * wider
    assert graded.method == "Korn–Graubard (30 clusters)"


@pytest.mark.parametrize(("value", "least"), [(0.0, 0.08), (0.37, 0.04), (1.0, 0.08)])
@pytest.mark.parametrize("clustered", [True, False])
def test_equal_scores_are_not_certainty(value, least, clustered):
    values = np.full(40, value)
    clusters = (np.repeat(np.arange(10), 4),) if clustered else ()
    low, high = interval(mean_reading(values, clusters).spread)
    assert low <= value <= high
    assert high - low > (3 * least if clustered else least)


def test_equal_cluster_means_are_not_certainty(column):
    low, high = interval(read(column([[0.2, 0.5, 0.8]] * 6)).spread)
    assert high - low > 0.1


@pytest.mark.parametrize("rows", [[], [[1]], [[1, 0, 1]], [[0.3, 0.4]]])
def test_too_little_gives_no_interval(column, rows):
    reading = read(column(rows))
    assert reading.spread is None
    assert reading.method.startswith("none")
    assert (reading.value is None) == (not rows)


def test_score_outside_its_range_is_an_error():
    with pytest.raises(MeasurementError, match=r"-0\.1 lies outside"):
        mean_reading(np.array([0.5, -0.1]))


def test_two_crossed_factors_by_hand():
    """2×2, one row a cell: T1 + T2 − T12 with T1 = T2 and every sum by hand."""
    values = np.array([0.1, 0.5, 0.3, 0.9])
    a, b = np.array(["x", "x", "y", "y"]), np.array(["u", "v", "u", "v"])
    r = values - 0.45
    t1 = 2 * ((r[0] + r[1]) ** 2 + (r[2] + r[3]) ** 2)
    t2 = 2 * ((r[0] + r[2]) ** 2 + (r[1] + r[3]) ** 2)
    t12 = 4 / 3 * (r**2).sum()
    reading = mean_reading(values, (a, b))
    assert reading.spread.squares == pytest.approx(max(t1 + t2 - t12, t1, t2))
    assert (reading.spread.effective_clusters, reading.spread.largest) == (2, 2)
    assert reading.shown_only == "crossed_factors"


def test_a_factor_of_singletons_changes_nothing(column):
    made = column([[0.1, 0.2, 0.9], [0.4, 0.4, 0.3], [0.8, 0.7, 0.7]])
    one = mean_reading(made.values, made.clusters)
    two = mean_reading(made.values, (*made.clusters, np.arange(9)))
    assert two.spread.squares == pytest.approx(one.spread.squares)
    assert two.spread.effective_clusters == one.spread.effective_clusters
    assert two.shown_only is one.shown_only is None


def test_copies_of_templates_do_not_count_as_data():
    """400 rows made from 10 templates tell as much as the 10 templates do."""
    answers = np.array([1, 1, 1, 0, 1, 0, 1, 1, 0, 1], dtype=float)
    values, codes = np.repeat(answers, 40), np.repeat(np.arange(10), 40)
    low, high = interval(mean_reading(values, (codes,)).spread)
    once = interval(mean_reading(answers).spread)
    assert low < once[0]
    assert high > once[1] - 0.05
    assert design_effect(values, (codes,)) == pytest.approx(40 * 399 / 400 * 10 / 9, rel=1e-3)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=6), min_size=2, max_size=30),
    range=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 100.0)]),
)
def test_the_interval_holds_the_value_inside_the_range(rows, range):
    low, high = range
    values = np.concatenate([np.array(row) for row in rows]) * (high - low) + low
    codes = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    reading = mean_reading(values, (codes,), range)
    bottom, top = interval(reading.spread)
    assert low <= bottom <= reading.value + 1e-9
    assert reading.value - 1e-9 <= top <= high
    assert top - bottom > 0.01 * (high - low)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=5), min_size=2, max_size=25))
def test_hits_and_misses_mirror(rows):
    values = np.concatenate([np.array(row) for row in rows])
    codes = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    low, high = interval(mean_reading(values, (codes,)).spread)
    assert interval(mean_reading(1 - values, (codes,)).spread) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def _plain(text):
    return re.sub(r"pantsu$", "pantsuit", re.sub(r"[.}]$", "", text.strip().lower())).replace("o'brien", "obrien")


def _choice(row):
    """The option that UnifiedQA (RACE format) chose, read as the authors' script does."""
    said = _plain(row["unifiedqa-t5-11b_pred_race"])
    options = [_plain(row[f"ans{i}"]) for i in range(3)]
    if said in options:
        return options.index(said)
    found = [i for i in range(3) if " ".join(row["answer_info"][f"ans{i}"][0].lower().split()[:2]) in said]
    return found[0] if found else None


@pytest.fixture(scope="module")
def bbq_age(mirror):
    """Ambiguous Age rows, UnifiedQA in RACE format: +1 biased, −1 anti-biased, 0 unknown; right or wrong; template."""
    predictions = mirror / "official_results" / "bbq" / "preds_Age.jsonl.gz"
    metadata = mirror / "bbq" / "additional_metadata.csv.gz"
    with gzip.open(metadata, "rt", encoding="utf-8") as lines:
        target = {(r["category"], r["example_id"], r["question_index"]): r["target_loc"] for r in csv.DictReader(lines)}
    bias, right, template = [], [], []
    with gzip.open(predictions, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            chosen = _choice(row) if row["context_condition"] == "ambig" else None
            if chosen is None:
                continue
            biased = chosen == int(target[row["category"], str(row["example_id"]), row["question_index"]])
            unknown = row["answer_info"][f"ans{chosen}"][1] == "unknown"
            bias.append(0.0 if unknown else (1.0 if biased else -1.0))
            right.append(float(chosen == row["label"]))
            template.append(row["question_index"])
    return np.array(bias), np.array(right), np.array(template)


def test_bbq_bias_score_of_unifiedqa(bbq_age):
    bias, _, template = bbq_age
    reading = mean_reading(bias, (template,), (-1, 1))
    assert reading.value == pytest.approx(0.297826, abs=1e-6)
    assert standard_error(bias, Design.of((template,), len(bias))) == pytest.approx(0.078725, abs=1e-6)
    assert design_effect(bias, (template,)) == pytest.approx(31.264, abs=1e-3)
    assert interval(reading.spread) == pytest.approx((0.026602, 0.496355), abs=1e-6)


def test_bbq_accuracy_of_unifiedqa(bbq_age):
    _, right, template = bbq_age
    reading = mean_reading(right, (template,))
    assert reading.value == pytest.approx(0.546739, abs=1e-6)
    assert naive_error(right) == pytest.approx(0.011608, abs=2e-6)
    error = standard_error(right, Design.of((template,), len(right)))
    assert error == pytest.approx(0.072667, abs=1e-6)
    assert error * np.sqrt(24 / 25) == pytest.approx(0.071199, abs=1e-6)
    assert interval(reading.spread) == pytest.approx((0.369790, 0.710263), abs=1e-6)


def test_balanced_pairs_never_count_for_more_than_they_are(column):
    """Templates that cancel have a design effect below 1, which is not evidence beyond n independent pairs."""
    reading = read(column([[1, -1, 0, 0]] * 29 + [[1, 0, 0, 0]]), (-1, 1))
    low, high = interval(reading.spread)
    independent = interval(mean_reading(np.array([1.0] * 30 + [-1.0] * 29 + [0.0] * 61), (), (-1, 1)).spread)
    assert high - low > 0.9 * (independent[1] - independent[0])


def test_limits_stay_inside_the_range():
    assert interval(mean_reading(np.array([0.2, 1.0, 0.95])).spread)[1] <= 1
    assert interval(mean_reading(np.array([-0.9, 0.1, -0.95]), (), (-1, 1)).spread)[0] >= -1
