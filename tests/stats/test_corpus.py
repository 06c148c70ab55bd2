"""Statistics over a corpus: scikit-learn, scipy and hand computation as oracles; weights, fills and gaps."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef, roc_auc_score

from auditkit.errors import MeasurementError
from auditkit.schema import Bootstrap, EstimateId
from auditkit.stats import calibration, correlation, counts, labels
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.corpus import DRAWS, CorpusStatistic
from auditkit.stats.estimates import contrast, estimate
from auditkit.stats.intervals import interval

GAP = EstimateId.parse("p/m@a[g:gap]")
CONFIDENCE = np.array([0.95, 0.9, 0.85, 0.62, 0.55])
CORRECT = np.array([1.0, 1.0, 0.0, 1.0, 0.0])


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


@pytest.mark.parametrize("classes", ["ab", "abcdef"])
def test_classification_agrees_with_scikit_learn(classes):
    gold, predicted = labelled(classes=classes)
    parts = {"gold": gold, "predicted": predicted}
    assert labels.macro_f1.value(parts) == pytest.approx(f1_score(gold, predicted, average="macro"), abs=1e-12)
    assert labels.weighted_f1.value(parts) == pytest.approx(f1_score(gold, predicted, average="weighted"), abs=1e-12)
    assert labels.matthews_correlation.value(parts) == pytest.approx(matthews_corrcoef(gold, predicted), abs=1e-12)


def test_a_class_that_is_only_predicted_costs_no_class_of_its_own():
    gold, predicted = np.array(list("aabb")), np.array(list("aabz"))
    expected = f1_score(gold, predicted, average="macro", labels=["a", "b"])
    assert labels.macro_f1.value({"gold": gold, "predicted": predicted}) == pytest.approx(expected)


def test_auroc_agrees_with_scikit_learn_ties_included():
    gold, found = probable()
    expected = np.mean([roc_auc_score(gold == c, found[f"p:{c}"]) for c in "abc"])
    assert labels.auroc.value({"gold": gold, **found}) == pytest.approx(expected, abs=1e-12)
    gold, found = probable(classes="ab")
    found["p:b"] = 1 - found["p:a"]
    expected = roc_auc_score(gold == "a", found["p:a"])
    assert labels.auroc.value({"gold": gold, **found}) == pytest.approx(expected, abs=1e-12)


def test_auroc_by_hand_and_of_a_class_without_probabilities():
    # Two classes: positives .9 .4, negatives .4 .1: pairs 1, 1, ½, 1 → .875.
    parts = {"gold": np.array(list("aabb")), "p:a": np.array([0.9, 0.4, 0.4, 0.1])}
    parts["p:b"] = 1 - parts["p:a"]
    assert labels.auroc.value(parts) == pytest.approx(0.875)
    del parts["p:b"]  # never given: all rows tie on it
    assert labels.auroc.value(parts) == pytest.approx((0.875 + 0.5) / 2)


def test_undefined_is_none_with_a_reason_and_no_convention():
    same = column({"gold": np.array(["a"] * 30), "p:a": np.linspace(0, 1, 30)})
    reading = labels.auroc.read(same, (0, 1), 0)
    assert (reading.value, reading.spread) == (None, None)
    assert "all rows are of one class" in reading.method
    constant = column({"gold": np.array(list("ab") * 20), "predicted": np.array(["a"] * 40)})
    assert labels.matthews_correlation.read(constant, (-1, 1), 0).value is None
    flat = column({"gold": np.arange(9.0), "predicted": np.full(9, 0.1)})
    assert correlation.pearson_correlation.read(flat, (-1, 1), 0).value is None
    assert correlation.spearman_correlation.read(flat, (-1, 1), 0).value is None


@pytest.mark.parametrize("digits", [0, 3])
def test_correlations_agree_with_scipy(digits):
    rng = np.random.default_rng(2)
    x = rng.normal(1000, 1, 200).round(digits)
    y = (x - 1000 + rng.normal(0, 1, 200)).round(digits)
    parts = {"predicted": x, "gold": y}
    assert correlation.pearson_correlation.value(parts) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert correlation.spearman_correlation.value(parts) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_calibration_vector():
    """measurement.md §4.6, checked by hand: ECE .386, AURC .196667."""
    parts = {"confidence": CONFIDENCE, "correct": CORRECT}
    assert calibration.expected_calibration_error.value(parts) == pytest.approx(0.386)
    assert calibration.aurc.value(parts) == pytest.approx(0.196667, abs=5e-7)


def test_bins_are_open_below_and_the_first_one_is_closed():
    # .2 lies in (2/15, 3/15], .2000001 in the next bin; 0 lies in the first.
    parts = {"confidence": np.array([0.2, 0.15, 0.0, 0.05]), "correct": np.array([1.0, 0.0, 1.0, 0.0])}
    # bin 3: .8 − .15 = .65; bin 1: 1 − .05 = .95
    assert calibration.expected_calibration_error.value(parts) == pytest.approx((0.65 + 0.95) / 4)


def test_risk_coverage_by_brute_force_over_tie_orders():
    rng = np.random.default_rng(3)
    confidence, correct = rng.integers(0, 4, 40) / 4, (rng.random(40) < 0.6).astype(float)
    totals = []
    for _ in range(4000):
        order = np.lexsort((rng.random(40), -confidence))
        losses = 1 - correct[order]
        totals.append(np.mean([losses[: k + 1].mean() for k in range(40)]))
    found = calibration.aurc.value({"confidence": confidence, "correct": correct})
    assert found == pytest.approx(np.mean(totals), abs=4 * np.std(totals) / np.sqrt(4000))


def test_equal_mass_bins_by_hand():
    confidence = np.linspace(0.5, 0.79, 30)  # two a bin
    correct = np.tile([1.0, 1.0, 0.0], 10)
    expected = sum(abs((correct - confidence)[i : i + 2].sum()) for i in range(0, 30, 2)) / 30
    parts = {"confidence": confidence, "correct": correct}
    assert calibration.adaptive_calibration_error.value(parts) == pytest.approx(expected)
    mixed = np.random.default_rng(0).permutation(30)
    again = {"confidence": confidence[mixed], "correct": correct[mixed]}
    assert calibration.adaptive_calibration_error.value(again) == pytest.approx(expected)


def test_the_null_is_what_a_calibrated_model_reads():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.5, 1, 150)
    calibrated = [
        calibration.expected_calibration_error.value(
            {"confidence": confidence, "correct": (rng.random(150) < confidence).astype(float)}
        )
        for _ in range(400)
    ]
    parts = {"confidence": confidence, "correct": np.ones(150)}
    reading = calibration.expected_calibration_error.read(column(parts), (0, 1), 0)
    assert reading.null == pytest.approx(np.mean(calibrated), rel=0.06)
    assert reading.null > 0.05
    found = estimate(column(parts), id=EstimateId.parse("p/m@a"), range=(0, 1), direction="lower",
                     statistic=calibration.expected_calibration_error)
    assert found.null == reading.null


def test_a_sample_drawn_twice_counts_as_two():
    """Weights and repeated rows are the same thing, for every statistic."""
    rng = np.random.default_rng(5)
    gold, predicted = labelled(60)
    _, found = probable(60)
    confidence = rng.random(60).round(1)
    number = rng.random(60).round(1)
    cases: list[tuple[CorpusStatistic, dict]] = [
        (labels.macro_f1, {"gold": gold, "predicted": predicted}),
        (labels.weighted_f1, {"gold": gold, "predicted": predicted}),
        (labels.matthews_correlation, {"gold": gold, "predicted": predicted}),
        (labels.auroc, {"gold": probable(60)[0], **found}),
        *((s, {"confidence": confidence, "correct": (rng.random(60) < 0.5).astype(float)}) for s in
          (calibration.expected_calibration_error, calibration.adaptive_calibration_error, calibration.aurc)),
        *((s, {"predicted": confidence, "gold": number}) for s in
          (correlation.pearson_correlation, correlation.spearman_correlation)),
    ]
    for statistic, parts in cases:
        drawn = rng.integers(0, 60, 60)
        weights = np.bincount(drawn, minlength=60).astype(float)
        weighted = statistic.prepare(parts).over(np.arange(60), 60)(weights[None, :])[0]
        assert weighted == pytest.approx(statistic.value({k: v[drawn] for k, v in parts.items()}), abs=1e-10)


def test_the_interval_is_a_bootstrap_over_clusters_that_reaches_far_levels():
    gold, predicted = labelled(300)
    clusters = np.repeat(np.arange(30), 10)
    reading = labels.macro_f1.read(column({"gold": gold, "predicted": predicted}, [clusters]), (0, 1), 0)
    assert isinstance(reading.spread, Bootstrap)
    assert reading.method == f"expanded BCa bootstrap over 30 clusters ({DRAWS} resamples)"
    (l99, h99), (low, high) = interval(reading.spread, 0.9999), interval(reading.spread)
    assert 0 <= l99 < low < reading.value < high < h99 <= 1
    assert interval(reading.spread, 0.95) == interval(
        labels.macro_f1.read(column({"gold": gold, "predicted": predicted}, [clusters]), (0, 1), 0).spread, 0.95
    )


def test_doubled_rows_do_not_narrow_the_interval():
    gold, predicted = labelled(100)
    once = labels.macro_f1.read(column({"gold": gold, "predicted": predicted}), (0, 1), 0)
    parts = {"gold": np.repeat(gold, 5), "predicted": np.repeat(predicted, 5)}
    five = labels.macro_f1.read(column(parts, [np.repeat(np.arange(100), 5)]), (0, 1), 0)
    assert interval(five.spread) == pytest.approx(interval(once.spread), abs=1e-9)


def test_what_cannot_be_resampled_has_no_interval():
    perfect = column({"gold": np.array(list("ab") * 20), "predicted": np.array(list("ab") * 20)})
    reading = labels.macro_f1.read(perfect, (0, 1), 0)
    assert (reading.value, reading.spread, reading.method) == (1.0, None, "none (all resamples equal)")
    one = column({"gold": np.array(list("ab")), "predicted": np.array(list("aa"))}, [["t", "t"]])
    assert labels.macro_f1.read(one, (0, 1), 0).method == "none (fewer than two clusters)"
    rare = column({"gold": np.array(["a"] * 19 + ["b"]), "p:a": np.linspace(0, 1, 20), "p:b": np.linspace(1, 0, 20)})
    assert labels.auroc.read(rare, (0, 1), 0).method.startswith("none (undefined in ")


def _all_fills(statistic, parts, missing, classes):
    """Every way of answering the missing rows."""
    rows = np.flatnonzero(missing)
    for answer in product(classes, repeat=len(rows)):
        filled = parts["predicted"].copy()
        filled[rows] = answer
        value = statistic.value({"gold": parts["gold"], "predicted": filled})
        if value is not None:
            yield value


@pytest.mark.parametrize("statistic", [labels.macro_f1, labels.weighted_f1, labels.matthews_correlation])
@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_fills_bound_every_way_of_answering(statistic, classes):
    for seed in range(25):
        gold, predicted = labelled(14, classes, seed)
        missing = np.zeros(14, dtype=bool)
        missing[:4] = True
        reasons = np.where(missing, "unparsed", "")
        found = statistic.fills(column({"gold": gold, "predicted": predicted}, reasons=reasons), (-1, 1))
        if found is None:
            assert statistic is labels.matthews_correlation
            assert len(classes) > 2
            continue
        low, high = (statistic.value(one.parts) for one in found)
        values = list(_all_fills(statistic, {"gold": gold, "predicted": predicted}, missing, classes))
        assert high == pytest.approx(max(values))
        assert low <= min(values) + 1e-12
        if classes == "ab" and statistic is labels.matthews_correlation:
            assert low == pytest.approx(min(values))


def test_fills_of_ranks_and_calibration_bound_random_answers():
    rng = np.random.default_rng(6)
    gold, found = probable(40)
    missing = np.arange(40) < 8
    reasons = np.where(missing, "refused", "")
    confidence, correct = rng.random(40), (rng.random(40) < 0.7).astype(float)
    sets = [
        (labels.auroc, {"gold": gold, **found}),
        (calibration.expected_calibration_error, {"confidence": confidence, "correct": correct}),
        (calibration.aurc, {"confidence": confidence, "correct": correct}),
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
                     direction="higher", statistic=labels.macro_f1)
    assert (found.n, found.unscored) == (38, {"outside": 1, "unparsed": 1})
    assert found.at_lowest_fill.value < found.value < found.at_highest_fill.value
    unknown = estimate(column({"gold": np.arange(40.0), "predicted": np.arange(40.0) % 7}, reasons=reasons),
                       id=EstimateId.parse("p/m@a"), range=(-1, 1), direction="higher",
                       statistic=correlation.pearson_correlation)
    assert unknown.value is not None
    assert (unknown.at_lowest_fill.value, unknown.at_lowest_fill.spread) == (None, None)


def test_bleu_and_chrf_formulas_on_sums():
    """Perfect is 100; without any match 0; an order without a match counts half of one (smoothing 'exp')."""
    perfect = {name: np.array([6.0]) for name in counts.BLEU_PARTS}
    assert counts.bleu.value(perfect) == pytest.approx(100)
    assert counts.bleu.value({**perfect, **{f"matches_{i}": np.array([0.0]) for i in range(1, 5)}}) == 0
    half = {**perfect, "matches_4": np.array([0.0])}
    assert counts.bleu.value(half) == pytest.approx(100 * (0.5 / 6) ** 0.25)
    assert counts.chrf.value({name: np.array([5.0]) for name in counts.CHRF_PARTS}) == pytest.approx(100)
    # precision ½, recall 1 in each order: F2 = 5·.5·1/(4·.5 + 1)
    parts = {name: np.array([10.0 if name.startswith("candidate") else 5.0]) for name in counts.CHRF_PARTS}
    assert counts.chrf.value(parts) == pytest.approx(100 * 2.5 / 3)


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
                    statistic=labels.macro_f1)
    expected = f1_score(gold, better, average="macro") - f1_score(gold, predicted, average="macro")
    assert made.value == pytest.approx(expected)
    assert made.low < made.value < made.high
    assert made.range == (0, 1)
    apart = contrast({"x": groups["x"], "y": column({"gold": gold, "predicted": predicted}, [clusters + 100])},
                     id=GAP, range=(0, 1), statistic=labels.macro_f1)
    if shared:  # what both share cancels
        assert made.high - made.low < 0.9 * (apart.high - apart.low)
    with pytest.raises(MeasurementError, match="ratio"):
        contrast(groups, id=GAP.model_copy(update={"contrast": "smallest_ratio"}), range=(0, 1),
                 statistic=labels.macro_f1)


def test_gap_fills_open_both_ways():
    gold, predicted = labelled(200)
    clusters = np.repeat(np.arange(20), 10)
    reasons = ["unparsed"] * 20 + [""] * 180
    groups = {name: column({"gold": gold, "predicted": said}, [clusters], reasons)
              for name, said in (("x", predicted), ("y", np.where(np.arange(200) % 2 == 0, gold, predicted)))}
    made = contrast(groups, id=GAP, range=(0, 1), statistic=labels.macro_f1)
    assert 0 <= made.at_lowest_fill.value < made.value < made.at_highest_fill.value
    other_gold, other = labelled(200, seed=7)
    nearly = {"x": groups["x"], "y": column({"gold": other_gold, "predicted": other}, [clusters], reasons)}
    same = contrast(nearly, id=GAP, range=(0, 1), statistic=labels.macro_f1)
    assert (same.at_lowest_fill.value, same.at_lowest_fill.low) == (0, 0)
    assert same.at_lowest_fill.high > 0
