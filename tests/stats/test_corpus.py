"""Statistics over a corpus: weights, intervals, fills and gaps, on the formulas of the metrics."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from auditkit.errors import MeasurementError
from auditkit.measure.metrics.auroc import pairs_ranked_rightly
from auditkit.measure.metrics.calibration import equal_mass_error, equal_width_error, risk_over_coverage
from auditkit.measure.metrics.classification import class_correlation, mean_f1, size_weighted_f1
from auditkit.measure.metrics.regression import linear_correlation, rank_correlation
from auditkit.schema import EstimateId, Share
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.corpus import ALL_EQUAL, UNDEFINED_WITHOUT, CorpusStatistic
from auditkit.stats.corpus import statistic as make_statistic
from auditkit.stats.estimates import contrast, estimate
from auditkit.stats.intervals import interval
from auditkit.stats.means import mean_reading
from auditkit.stats.weighted import Additive

GAP = EstimateId.parse("p/m@a[g:gap]")


def column(parts, clusters=None, reasons=None):
    n = len(next(iter(parts.values())))
    reasons = np.full(n, "", dtype=object) if reasons is None else np.array(reasons, dtype=object)
    factors = (np.arange(n).astype(str),) if clusters is None else tuple(np.asarray(c).astype(str) for c in clusters)
    return ScoreColumn(np.full(n, np.nan), reasons, factors, {k: np.asarray(v) for k, v in parts.items()})


def labelled(n=400, classes="abcd", seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.choice(list(classes), n)
    return gold, np.where(rng.random(n) < 0.6, gold, rng.choice(list(classes), n))


def probable(n=300, classes="abc", seed=1, digits=1):
    """Gold classes and rounded probabilities (many ties), one array a class."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(list(classes), n)
    found = {f"p:{c}": (rng.random(n) * 0.6 + 0.4 * (gold == c) * rng.random(n)).round(digits) for c in classes}
    return gold, found


def test_undefined_is_none_with_a_reason_and_no_convention():
    same = column({"gold": np.array(["a"] * 30), "p:a": np.linspace(0, 1, 30)})
    reading = pairs_ranked_rightly.read(same, (0, 1), 0)
    assert (reading.value, reading.spread) == (None, None)
    assert "all rows are of one class" in reading.method
    constant = column({"gold": np.array(list("ab") * 20), "predicted": np.array(["a"] * 40)})
    assert class_correlation.read(constant, (-1, 1), 0).value is None
    flat = column({"gold": np.arange(9.0), "predicted": np.full(9, 0.1)})
    assert linear_correlation.read(flat, (-1, 1), 0).value is None
    assert rank_correlation.read(flat, (-1, 1), 0).value is None


def test_a_sample_drawn_twice_counts_as_two():
    """Weights and repeated rows are the same thing, for every statistic."""
    rng = np.random.default_rng(5)
    gold, predicted = labelled(60)
    _, found = probable(60)
    confidence = rng.random(60).round(1)
    number = rng.random(60).round(1)
    cases: list[tuple[CorpusStatistic, dict]] = [
        (mean_f1, {"gold": gold, "predicted": predicted}),
        (size_weighted_f1, {"gold": gold, "predicted": predicted}),
        (class_correlation, {"gold": gold, "predicted": predicted}),
        (pairs_ranked_rightly, {"gold": probable(60)[0], **found}),
        *((s, {"confidence": confidence, "correct": (rng.random(60) < 0.5).astype(float)}) for s in
          (equal_width_error, equal_mass_error, risk_over_coverage)),
        *((s, {"predicted": confidence, "gold": number}) for s in
          (linear_correlation, rank_correlation)),
    ]
    for statistic, parts in cases:
        drawn = rng.integers(0, 60, 60)
        weights = np.bincount(drawn, minlength=60).astype(float)
        weighted = statistic.prepare(parts).over(np.arange(60), 60)(weights[None, :])[0]
        assert weighted == pytest.approx(statistic.value({k: v[drawn] for k, v in parts.items()}), abs=1e-10)


def share_of_hits(parts):
    """The mean as a statistic over the corpus."""
    return Additive.of([parts["hit"], np.ones(len(parts["hit"]))], lambda sums: sums[:, 0] / sums[:, 1])


def test_a_mean_as_a_statistic_over_the_corpus_has_nearly_the_interval_of_a_mean():
    """The jackknife of a mean over equal clusters is its sandwich variance, but for (G/(G−1))²."""
    rng = np.random.default_rng(3)
    hits, clusters = (rng.random(320) < np.repeat(rng.random(40), 8)).astype(float), np.repeat(np.arange(40), 8)
    over = make_statistic(holds=True)(share_of_hits).read(column({"hit": hits}, [clusters]), (0, 1), 0)
    mean = mean_reading(hits, (clusters,))
    assert over.spread.squares == pytest.approx(mean.spread.squares * 40**2 / 39**2 * 39**2 / 40**2)
    assert interval(over.spread) == pytest.approx(interval(mean.spread), abs=2e-3)


def test_the_interval_leaves_out_each_cluster_in_turn():
    gold, predicted = labelled(300)
    clusters = np.repeat(np.arange(30), 10)
    reading = mean_f1.read(column({"gold": gold, "predicted": predicted}, [clusters]), (0, 1), 0)
    without = [f1_score(gold[clusters != c], predicted[clusters != c], average="macro") for c in range(30)]
    variance = 29 / 30 * ((np.array(without) - reading.value) ** 2).sum()
    assert isinstance(reading.spread, Share)
    assert reading.spread.squares == pytest.approx(300**2 * variance)
    assert (reading.method, reading.shown_only) == ("jackknife over 30 clusters", None)
    (l99, h99), (low, high) = interval(reading.spread, 0.9999), interval(reading.spread)
    assert 0 <= l99 < low < reading.value < high < h99 <= 1


def test_of_many_clusters_random_groups_are_left_out():
    gold, predicted = labelled(2000)
    made = column({"gold": gold, "predicted": predicted})
    few, other = (mean_f1.read(made, (0, 1), seed) for seed in (0, 1))
    assert few.spread.squares == pytest.approx(other.spread.squares, rel=0.35)
    assert few == mean_f1.read(made, (0, 1), 0)
    assert few.spread.effective_clusters == pytest.approx(2000)


def test_few_clusters_and_what_was_not_simulated_decide_nothing():
    gold, predicted = labelled(190)
    few = column({"gold": gold, "predicted": predicted}, [np.repeat(np.arange(19), 10)])
    assert mean_f1.read(few, (0, 1), 0).shown_only == "few_effective_clusters"
    made = column({"hit": (np.arange(60) % 3 == 0).astype(float)}, [np.repeat(np.arange(30), 2)])
    unknown = make_statistic()(share_of_hits)
    assert unknown.read(made, (0, 1), 0).shown_only == "not_simulated"
    assert unknown.difference(made, made, (0, 1), 0).shown_only == "not_simulated"


def test_two_crossed_factors_add_their_variances():
    gold, predicted = labelled(300)
    names, templates = np.repeat(np.arange(30), 10), np.tile(np.arange(10), 30)
    parts = {"gold": gold, "predicted": predicted}
    both = mean_f1.read(column(parts, [names, templates]), (0, 1), 0)
    alone = [mean_f1.read(column(parts, [factor]), (0, 1), 0).spread.squares for factor in (names, templates)]
    assert both.spread.squares == pytest.approx(sum(alone))
    assert both.shown_only == "few_effective_clusters"


def test_doubled_rows_do_not_narrow_the_interval():
    gold, predicted = labelled(100)
    once = mean_f1.read(column({"gold": gold, "predicted": predicted}), (0, 1), 0)
    parts = {"gold": np.repeat(gold, 5), "predicted": np.repeat(predicted, 5)}
    five = mean_f1.read(column(parts, [np.repeat(np.arange(100), 5)]), (0, 1), 0)
    assert interval(five.spread) == pytest.approx(interval(once.spread), abs=1e-9)


def test_what_never_changes_has_no_interval():
    perfect = column({"gold": np.array(list("ab") * 20), "predicted": np.array(list("ab") * 20)})
    reading = mean_f1.read(perfect, (0, 1), 0)
    assert (reading.value, reading.spread, reading.method) == (1.0, None, ALL_EQUAL)
    one = column({"gold": np.array(list("ab")), "predicted": np.array(list("aa"))}, [["t", "t"]])
    assert mean_f1.read(one, (0, 1), 0).method == "none (fewer than two clusters)"
    rare = column({"gold": np.array(["a"] * 19 + ["b"]), "p:a": np.linspace(0, 1, 20), "p:b": np.linspace(1, 0, 20)})
    assert pairs_ranked_rightly.read(rare, (0, 1), 0).method == UNDEFINED_WITHOUT


def test_fills_of_ranks_and_calibration_bound_random_answers():
    rng = np.random.default_rng(6)
    gold, found = probable(40)
    missing = np.arange(40) < 8
    reasons = np.where(missing, "refused", "")
    confidence, correct = rng.random(40), (rng.random(40) < 0.7).astype(float)
    sets = [
        (pairs_ranked_rightly, {"gold": gold, **found}),
        (equal_width_error, {"confidence": confidence, "correct": correct}),
        (risk_over_coverage, {"confidence": confidence, "correct": correct}),
    ]
    for statistic, parts in sets:
        low, high = (statistic.value(one.parts) for one in statistic.fills(column(parts, reasons=reasons), (0, 1)))
        values = []
        for _ in range(300):
            made = dict(parts)
            for name in parts:
                if name != "gold":
                    drawn = rng.random(8) if name != "correct" else (rng.random(8) < 0.5).astype(float)
                    made[name] = np.concatenate([drawn, parts[name][8:]])
            values.append(statistic.value(made))
        assert low <= min(values)
        assert max(values) <= high


def test_outside_stays_out_and_no_known_fill_is_said():
    gold, predicted = labelled(40)
    reasons = ["outside", "unparsed", *[""] * 38]
    parts = {"gold": gold, "predicted": predicted}
    found = estimate(column(parts, reasons=reasons), id=EstimateId.parse("p/m@a"), range=(0, 1),
                     direction="higher", statistic=mean_f1)
    assert (found.n, found.unscored) == (38, {"outside": 1, "unparsed": 1})
    assert found.at_lowest_fill.value < found.value < found.at_highest_fill.value
    unknown = estimate(column({"gold": np.arange(40.0), "predicted": np.arange(40.0) % 7}, reasons=reasons),
                       id=EstimateId.parse("p/m@a"), range=(-1, 1), direction="higher",
                       statistic=linear_correlation)
    assert unknown.value is not None
    assert (unknown.at_lowest_fill.value, unknown.at_lowest_fill.spread) == (None, None)


@pytest.mark.parametrize("shared", [True, False])
def test_gap_of_groups(shared):
    gold, predicted = labelled(400)
    better = np.where(np.arange(400) % 3 == 0, gold, predicted)
    clusters = np.repeat(np.arange(40), 10)
    groups = {
        "x": column({"gold": gold, "predicted": better}, [clusters]),
        "y": column({"gold": gold, "predicted": predicted}, [clusters if shared else clusters + 100]),
    }
    made = contrast(groups, id=GAP, range=(0, 1),
                    statistic=mean_f1)
    expected = f1_score(gold, better, average="macro") - f1_score(gold, predicted, average="macro")
    assert made.value == pytest.approx(expected)
    assert made.low < made.value < made.high
    assert made.range == (0, 1)
    apart = contrast({"x": groups["x"], "y": column({"gold": gold, "predicted": predicted}, [clusters + 100])},
                     id=GAP, range=(0, 1), statistic=mean_f1)
    if shared:  # what both share cancels
        assert made.high - made.low < 0.95 * (apart.high - apart.low)
    with pytest.raises(MeasurementError, match="ratio"):
        contrast(groups, id=GAP.model_copy(update={"contrast": "smallest_ratio"}), range=(0, 1),
                 statistic=mean_f1)


def test_gap_fills_open_both_ways():
    gold, predicted = labelled(200)
    clusters = np.repeat(np.arange(20), 10)
    reasons = ["unparsed"] * 20 + [""] * 180
    groups = {name: column({"gold": gold, "predicted": said}, [clusters], reasons)
              for name, said in (("x", predicted), ("y", np.where(np.arange(200) % 2 == 0, gold, predicted)))}
    made = contrast(groups, id=GAP, range=(0, 1), statistic=mean_f1)
    assert 0 <= made.at_lowest_fill.value < made.value < made.at_highest_fill.value
    other_gold, other = labelled(200, seed=7)
    nearly = {"x": groups["x"], "y": column({"gold": other_gold, "predicted": other}, [clusters], reasons)}
    same = contrast(nearly, id=GAP, range=(0, 1), statistic=mean_f1)
    assert (same.at_lowest_fill.value, same.at_lowest_fill.low) == (0, 0)
    assert same.at_lowest_fill.high > 0
