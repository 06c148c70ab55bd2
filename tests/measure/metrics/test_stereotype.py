"""The stereotype score of single pairs."""

from __future__ import annotations

from auditkit.measure.metrics.stereotype import stereotype_score

from ..conftest import sample, scored


def test_stereotype_score_of_pairs() -> None:
    pair = sample(labels=("anti", "stereotype"))
    found = [stereotype_score(pair, scored(*sums)) for sums in ((-2, -1), (-1, -2), (-1, -1))]
    assert [(score.value, score.reason) for score in found] == [(1, None), (0, None), (None, "tied")]
