"""Right answers, singly and in matched pairs."""

from __future__ import annotations

import pytest
from sklearn.metrics import accuracy_score

from auditkit.measure.measurement import measure
from auditkit.measure.metrics.accuracy import accuracy, matched_pair_accuracy
from auditkit.schema import Output, Probabilities, Sample

from ..conftest import answering, card, sample, says, scored


def pair(*targets: str | None) -> list[Sample]:
    return [sample(f"o-{i}", ("true", "false"), ("true", "false"), target=t, origin="o", arm=f"arm-{i}")
            for i, t in enumerate(targets)]


def test_accuracy_agrees_with_scikit_learn() -> None:
    labels = ("stereotype", "anti", "unknown")
    samples = [sample(str(i), target=labels[i % 3]) for i in range(60)]
    said = {s.id: labels[(i * 7 // 5) % 3] for i, s in enumerate(samples)}
    (found,) = measure(card(), samples, answering(said, samples)).estimates
    expected = accuracy_score([s.target for s in samples], [said[s.id] for s in samples])
    assert found.value == pytest.approx(expected)
    assert 0.2 < expected < 0.8


def test_accuracy_of_free_labels_counts_other_classes_as_wrong() -> None:
    one = sample(labels=(), target="spam")
    other = Output(request="0", rule="probabilities", answer=Probabilities(classes={"ham": 0.9, "spam": 0.1}))
    assert accuracy(one, other).value == 0.0


def test_gold_first_does_not_win_a_tie() -> None:
    """Trap 27: an argmax takes the first of equals, and the gold answer often stands first."""
    score = accuracy(sample(target="stereotype"), scored(-1, -1, -2))
    assert (score.value, score.reason) == (None, "tied")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("true", "false"), 1.0), (("true", "true"), 0.0), (("false", "false"), 0.0), (("false", "true"), 0.0),
        (("true", "?"), "unparsed"), (("false", "?"), "unparsed"), (("?", "I can't help with that."), "refused"),
    ],
)
def test_matched_pairs_need_both_right(said: tuple[str, str], expected: object) -> None:
    score = matched_pair_accuracy.of_origin(pair("true", "false"), [says(text) for text in said])
    assert (score.value if score.value is not None else score.reason) == expected
    assert score.sample_id == "o"


def test_a_twin_alone_is_outside() -> None:
    assert matched_pair_accuracy.of_origin(pair("true"), [says("true")]).reason == "outside"
    assert matched_pair_accuracy.of_origin(pair("true", "false"), [None, says("false")]).reason == "not_run"
