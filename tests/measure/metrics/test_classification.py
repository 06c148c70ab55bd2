"""Classification and calibration metrics through `measure`: scikit-learn as oracle, groups, what is not scored."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score, matthews_corrcoef, roc_auc_score

from auditkit.measure import answers
from auditkit.measure.definition import Metric
from auditkit.measure.measurement import measure
from auditkit.measure.metrics.calibration import brier_score, expected_calibration_error
from auditkit.measure.metrics.classification import class_correlation, mean_f1, size_weighted_f1
from auditkit.registry import get
from auditkit.schema import Estimate, Output, Probabilities, Sample

from ..conftest import card, column, sample, says, scored

CLASSES = ("joy", "anger", "fear")


def classified(**values: float) -> Output:
    return Output(request="0", rule="probabilities", answer=Probabilities(classes=values))


def corpus(n: int = 240, seed: int = 0) -> tuple[list[Sample], dict[str, Output | None], np.ndarray]:
    """Samples of three classes in clusters of four, with random probabilities."""
    rng = np.random.default_rng(seed)
    samples = [
        sample(f"{i:03}", labels=CLASSES, target=CLASSES[rng.integers(3)], clusters={"template": f"t{i // 4}"},
               groups={"gender": ("female", "male")[i % 2]})
        for i in range(n)
    ]
    found = rng.dirichlet([1, 1, 1], n)
    for i, one in enumerate(samples):
        found[i, CLASSES.index(str(one.target))] += 0.5
    found /= found.sum(axis=1, keepdims=True)
    outputs = {one.id: classified(**dict(zip(CLASSES, row.tolist(), strict=True)))
               for one, row in zip(samples, found, strict=True)}
    return samples, dict(outputs), found


def measured(name: str, samples: list[Sample], outputs: dict[str, Output | None], **use: Any) -> tuple[Estimate, ...]:
    groups = ["gender"] if use.get("groups") else []
    return measure(card(metrics=[{"metric": name, "arm": "all", **use}], groups=groups), samples, outputs).estimates


def test_values_are_scikit_learns() -> None:
    samples, outputs, found = corpus()
    gold = [str(one.target) for one in samples]
    said = [CLASSES[i] for i in found.argmax(axis=1)]
    ordered = np.argsort(CLASSES)
    expected = {
        "macro_f1": f1_score(gold, said, average="macro"), "weighted_f1": f1_score(gold, said, average="weighted"),
        "micro_f1": f1_score(gold, said, average="micro"), "matthews_correlation": matthews_corrcoef(gold, said),
        "auroc": roc_auc_score(gold, found[:, ordered], multi_class="ovr", average="macro"),
        "brier_score": brier_score_loss(gold, found[:, ordered], labels=sorted(CLASSES), scale_by_half=True),
    }
    for name, value in expected.items():
        (one,) = measured(name, samples, outputs)
        assert one.value == pytest.approx(value, abs=1e-12), name
        assert one.low is not None
        assert one.high is not None
        assert one.low < value < one.high
        assert (one.n, one.clusters) == (240, 60)


def test_the_vector_of_confidences() -> None:
    """measurement.md §4.6: conf .95 .9 .85 .62 .55, correct 1 1 0 1 0 → ECE .386, Brier .23638, AURC .196667."""
    samples = [sample(str(i), labels=("yes", "no"), target=t) for i, t in enumerate(("yes", "yes", "no", "yes", "no"))]
    outputs: dict[str, Output | None] = {
        one.id: classified(yes=p, no=1 - p) for one, p in zip(samples, (0.95, 0.9, 0.85, 0.62, 0.55), strict=True)
    }
    for name, value in (("expected_calibration_error", 0.386), ("brier_score", 0.23638), ("aurc", 0.196667)):
        assert measured(name, samples, outputs)[0].value == pytest.approx(value, abs=5e-7)


def test_brier_of_two_classes_is_the_squared_error() -> None:
    one = sample(labels=("yes", "no"), target="no")
    assert brier_score(one, classified(yes=0.9, no=0.1)).value == pytest.approx(0.81)


def test_unscored_samples_open_the_worst_case() -> None:
    samples, outputs, _ = corpus()
    for one in samples[:24]:
        outputs[one.id] = None
    for name in ("macro_f1", "weighted_f1", "auroc", "expected_calibration_error", "aurc"):
        (found,) = measured(name, samples, outputs)
        assert found.unscored == {"not_run": 24}
        assert found.at_lowest_fill.value is not None
        assert found.at_highest_fill.value is not None
        assert found.at_lowest_fill.value < found.value < found.at_highest_fill.value
    (unknown,) = measured("matthews_correlation", samples, outputs)  # three classes: no bound is known
    assert (unknown.at_lowest_fill.spread, unknown.at_highest_fill.spread) == (None, None)


def test_all_garbage_is_undefined_and_bounded() -> None:
    samples, _, _ = corpus()
    garbage: dict[str, Output | None] = {one.id: says("lorem ipsum") for one in samples}
    (found,) = measured("macro_f1", samples, garbage)
    assert (found.value, found.unscored) == (None, {"unparsed": 240})
    assert (found.at_lowest_fill.value, found.at_highest_fill.value) == (0.0, 1.0)


def test_groups_and_their_gap() -> None:
    samples, outputs, found = corpus()
    made = {str(e.id).removeprefix("p/macro_f1@all"): e for e in measured("macro_f1", samples, outputs, groups=True)}
    assert set(made) == {"", "[gender:female]", "[gender:male]", "[gender:gap]"}
    said = np.array([CLASSES[i] for i in found.argmax(axis=1)])
    gold = np.array([str(one.target) for one in samples])
    by_group = [f1_score(gold[i::2], said[i::2], average="macro") for i in range(2)]
    assert made["[gender:female]"].value == pytest.approx(by_group[0])
    gap = made["[gender:gap]"]
    assert gap.value == pytest.approx(abs(by_group[0] - by_group[1]))
    assert gap.low is not None
    assert gap.low <= gap.value
    assert gap.cited.extreme


def test_one_class_has_no_auroc() -> None:
    samples, outputs, _ = corpus()
    same = [one.model_copy(update={"target": "joy"}) for one in samples]
    (found,) = measured("auroc", same, outputs)
    assert (found.value, found.low, found.n) == (None, None, 240)
    assert "one class" in found.method


def test_letters_have_no_probabilities_and_option_scores_have() -> None:
    one = sample(labels=("a", "b", "b"), target="a")
    metric: Metric = get("metric", "auroc")
    assert metric(one, says("A")).reason == "outside"
    assert metric(one, says("lorem ipsum")).reason == "unparsed"
    output = scored(math.log(0.2), math.log(0.1), math.log(0.1))
    assert answers.probabilities(one, output) == pytest.approx({"a": 0.5, "b": 0.5})
    per_byte = scored(-8.0, -16.0, -16.0, rule="loglikelihood_per_byte")  # 8 bytes each: −1, −2, −2
    total = math.exp(-1) + 2 * math.exp(-2)
    expected = {"a": math.exp(-1) / total, "b": 2 * math.exp(-2) / total}
    assert answers.probabilities(one, per_byte) == pytest.approx(expected)
    assert expected_calibration_error(one, per_byte).parts["confidence"] == pytest.approx(math.exp(-1) / total)


def test_a_class_that_no_row_offers_is_wrong_and_scored() -> None:
    one = sample(labels=(), target="spam")
    metric: Metric = get("metric", "macro_f1")
    score = metric(one, classified(ham=0.9, spam=0.1))
    assert (score.value, score.parts) == (0.0, {"gold": "spam", "predicted": "ham"})


def test_the_calibration_null_stands_beside_the_error() -> None:
    samples, outputs, _ = corpus()
    (found,) = measured("expected_calibration_error", samples, outputs)
    assert found.null is not None
    assert 0 < found.null < 0.2
    assert f"with nothing to find it would read {found.null:.2g}" in found.method


def test_the_order_of_samples_does_not_matter() -> None:
    samples, outputs, _ = corpus()
    pack = card(metrics=[{"metric": "macro_f1", "arm": "all"}])
    first = measure(pack, samples, outputs, seed=3)
    assert measure(pack, samples[::-1], dict(reversed(outputs.items())), seed=3) == first


def labelled(n=400, classes="abcd", seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.choice(list(classes), n)
    return gold, np.where(rng.random(n) < 0.6, gold, rng.choice(list(classes), n))


@pytest.mark.parametrize("classes", ["ab", "abcdef"])
def test_classification_agrees_with_scikit_learn(classes):
    gold, predicted = labelled(classes=classes)
    parts = {"gold": gold, "predicted": predicted}
    assert mean_f1.value(parts) == pytest.approx(f1_score(gold, predicted, average="macro"), abs=1e-12)
    assert size_weighted_f1.value(parts) == pytest.approx(f1_score(gold, predicted, average="weighted"), abs=1e-12)
    assert class_correlation.value(parts) == pytest.approx(matthews_corrcoef(gold, predicted), abs=1e-12)


def test_a_class_that_is_only_predicted_costs_no_class_of_its_own():
    gold, predicted = np.array(list("aabb")), np.array(list("aabz"))
    expected = f1_score(gold, predicted, average="macro", labels=["a", "b"])
    assert mean_f1.value({"gold": gold, "predicted": predicted}) == pytest.approx(expected)


def _all_fills(statistic, parts, missing, classes):
    """Every way of answering the missing rows."""
    rows = np.flatnonzero(missing)
    for answer in product(classes, repeat=len(rows)):
        filled = parts["predicted"].copy()
        filled[rows] = answer
        value = statistic.value({"gold": parts["gold"], "predicted": filled})
        if value is not None:
            yield value


@pytest.mark.parametrize("statistic", [mean_f1, size_weighted_f1, class_correlation])
@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_fills_bound_every_way_of_answering(statistic, classes):
    for seed in range(25):
        gold, predicted = labelled(14, classes, seed)
        missing = np.zeros(14, dtype=bool)
        missing[:4] = True
        reasons = np.where(missing, "unparsed", "")
        found = statistic.fills(column({"gold": gold, "predicted": predicted}, reasons=reasons), (-1, 1))
        if found is None:
            assert statistic is class_correlation
            assert len(classes) > 2
            continue
        low, high = (statistic.value(one.parts) for one in found)
        values = list(_all_fills(statistic, {"gold": gold, "predicted": predicted}, missing, classes))
        assert high == pytest.approx(max(values))
        assert low <= min(values) + 1e-12
        if classes == "ab" and statistic is class_correlation:
            assert low == pytest.approx(min(values))
