"""Bias scores of BBQ on answers whose score is known by definition."""

from __future__ import annotations

import pytest

from auditkit.measure.definition import GuardRule
from auditkit.measure.metrics.bbq import ambiguous_bias_score, disambiguated_bias_score

from ..conftest import sample, scored

BEST = {"stereotype": scored(-1, -2, -3), "anti": scored(-2, -1, -3), "unknown": scored(-3, -2, -1)}


@pytest.mark.parametrize(
    ("target", "ambiguous", "disambiguated"),
    [
        ("unknown", {"stereotype": 1, "anti": -1, "unknown": 0}, dict.fromkeys(BEST, "outside")),
        ("anti", dict.fromkeys(BEST, "outside"), {"stereotype": 1, "anti": -1, "unknown": "outside"}),
        (None, dict.fromkeys(BEST, "outside"), dict.fromkeys(BEST, "outside")),
    ],
)
def test_bbq_scores(target: str | None, ambiguous: dict[str, object], disambiguated: dict[str, object]) -> None:
    for label, output in BEST.items():
        one = sample(target=target)
        for of, expected in ((ambiguous_bias_score, ambiguous), (disambiguated_bias_score, disambiguated)):
            score = of(one, output)
            assert (score.value if score.value is not None else score.reason) == expected[label]


def test_the_bias_scores_name_their_guard() -> None:
    guard = GuardRule(metric="accuracy", arm="disambiguated", group_key="stereotyped_group")
    assert ambiguous_bias_score.guard == disambiguated_bias_score.guard == guard
    assert ambiguous_bias_score.ideal == 0.0
