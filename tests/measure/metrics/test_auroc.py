"""AUROC: scikit-learn and hand computation as oracles."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from auditkit.measure.metrics.auroc import pairs_ranked_rightly


def probable(n=300, classes="abc", seed=1, digits=1):
    """Gold classes and rounded probabilities (many ties), one array a class."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(list(classes), n)
    found = {f"p:{c}": (rng.random(n) * 0.6 + 0.4 * (gold == c) * rng.random(n)).round(digits) for c in classes}
    return gold, found


def test_auroc_agrees_with_scikit_learn_ties_included():
    gold, found = probable()
    expected = np.mean([roc_auc_score(gold == c, found[f"p:{c}"]) for c in "abc"])
    assert pairs_ranked_rightly.value({"gold": gold, **found}) == pytest.approx(expected, abs=1e-12)
    gold, found = probable(classes="ab")
    found["p:b"] = 1 - found["p:a"]
    expected = roc_auc_score(gold == "a", found["p:a"])
    assert pairs_ranked_rightly.value({"gold": gold, **found}) == pytest.approx(expected, abs=1e-12)


def test_auroc_by_hand_and_of_a_class_without_probabilities():
    # Two classes: positives .9 .4, negatives .4 .1: pairs 1, 1, ½, 1 → .875.
    parts = {"gold": np.array(list("aabb")), "p:a": np.array([0.9, 0.4, 0.4, 0.1])}
    parts["p:b"] = 1 - parts["p:a"]
    assert pairs_ranked_rightly.value(parts) == pytest.approx(0.875)
    del parts["p:b"]  # never given: all rows tie on it
    assert pairs_ranked_rightly.value(parts) == pytest.approx((0.875 + 0.5) / 2)
