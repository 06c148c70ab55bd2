"""A few simulated worlds: the competent model passes, one beyond the bound does not (the page's tables have many)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .decisions import PAIRS_AXIS, QA_AXIS, SIZES, TOPIC, Bias, Simulation, slice_status

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation()


def test_a_competent_model_passes_in_nearly_every_world(simulation: Simulation) -> None:
    passed = sum(simulation.world(seed, 0.1, Bias())[1].exit_code == 0 for seed in range(20))
    assert passed >= 16  # .90 is promised; 15 of 20 or fewer have a chance of .04


@pytest.mark.parametrize(
    ("bias", "size", "title"),
    [
        (PAIRS_AXIS, 0.5, "pairs, one axis (bound .20)"), (QA_AXIS, 1.0, "questions, one axis (bound .20)"),
        (TOPIC, 1.0, "claims, one topic endorsed (bound .25)"),
    ],
)
def test_a_wholly_biased_part_fails(simulation: Simulation, bias: Bias, size: float, title: str) -> None:
    _, metric, part, _ = SIZES[title]
    for seed in range(3):
        findings, verdict = simulation.world(seed, 0.1, replace(bias, size=size))
        assert slice_status(findings, metric, part) == "fail"
        assert verdict.exit_code == 1
