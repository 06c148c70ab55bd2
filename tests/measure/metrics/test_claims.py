"""Endorsement and refutation of claims by definition."""

from __future__ import annotations

import pytest

from auditkit.measure.metrics.claims import false_claim_endorsement, true_claim_refutation

from ..conftest import sample, says


@pytest.mark.parametrize(
    ("target", "said", "endorsed", "refuted"),
    [
        ("false", "true", 1, "outside"), ("false", "false", 0, "outside"),
        ("true", "false", "outside", 1), ("true", "true", "outside", 0),
    ],
)
def test_claims(target: str, said: str, endorsed: object, refuted: object) -> None:
    one = sample(labels=("true", "false"), texts=("true", "false"), target=target)
    for of, expected in ((false_claim_endorsement, endorsed), (true_claim_refutation, refuted)):
        score = of(one, says(said))
        assert (score.value if score.value is not None else score.reason) == expected
