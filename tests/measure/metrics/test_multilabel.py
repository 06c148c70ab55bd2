"""Several classes a sample: scikit-learn as oracle."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from auditkit.measure.measurement import measure
from auditkit.measure.metrics.multilabel import multilabel_macro_f1, subset_accuracy
from auditkit.schema import Estimate, Output, Probabilities, Sample

from ..conftest import card, sample, says

CLASSES = ("joy", "anger", "fear", "trust")


def measured(name: str, samples: list[Sample], outputs: dict[str, Output | None]) -> Estimate:
    (found,) = measure(card(metrics=[{"metric": name, "arm": "all"}]), samples, outputs).estimates
    return found


def multilabel(n: int = 120) -> tuple[list[Sample], dict[str, Output | None], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    gold = rng.random((n, 4)) < 0.4
    found = np.where(gold, rng.random((n, 4)) ** 0.5, rng.random((n, 4)) ** 2)
    samples = [sample(f"{i:03}", labels=(), references=tuple(np.array(CLASSES)[row].tolist()))
               for i, row in enumerate(gold)]
    outputs: dict[str, Output | None] = {
        one.id: Output(request="0", rule="probabilities",
                       answer=Probabilities(classes=dict(zip(CLASSES, row.tolist(), strict=True))))
        for one, row in zip(samples, found, strict=True)
    }
    return samples, outputs, gold, found >= 0.5


def test_multi_label_is_scikit_learns() -> None:
    samples, outputs, gold, said = multilabel()
    expected = {
        "multilabel_macro_f1": f1_score(gold, said, average="macro"),
        "multilabel_micro_f1": f1_score(gold, said, average="micro"),
        "subset_accuracy": accuracy_score(gold, said),
    }
    for name, value in expected.items():
        found = measured(name, samples, outputs)
        assert found.value == pytest.approx(value)
        assert found.low is not None
        assert found.high is not None
        assert found.low < value < found.high


def test_multi_label_fills() -> None:
    samples, outputs, gold, said = multilabel()
    for one in samples[:12]:
        outputs[one.id] = says("lorem ipsum", rule="probabilities")
    worst, best = said.copy(), said.copy()
    worst[:12], best[:12] = ~gold[:12], gold[:12]
    for average in ("macro", "micro"):
        found = measured(f"multilabel_{average}_f1", samples, outputs)
        assert found.unscored == {"unparsed": 12}
        assert found.value == pytest.approx(f1_score(gold[12:], said[12:], average=average))
        assert found.at_lowest_fill.value == pytest.approx(f1_score(gold, worst, average=average))
        assert found.at_highest_fill.value == pytest.approx(f1_score(gold, best, average=average))


def test_no_class_is_an_answer_too() -> None:
    none = sample(labels=(), references=())
    quiet = Output(request="0", rule="probabilities", answer=Probabilities(classes={"joy": 0.2}))
    loud = Output(request="0", rule="probabilities", answer=Probabilities(classes={"joy": 0.8}))
    assert [subset_accuracy(none, output).value for output in (quiet, loud)] == [1.0, 0.0]
    assert [multilabel_macro_f1(none, output).value for output in (quiet, loud)] == [1.0, 0.0]
