"""No plainly bad answerer passes the default policy at full size, and a finding names what is wrong with it."""

from __future__ import annotations

import pytest

from .answerers import competent
from .bad_answerers import BAD
from .conftest import NAMES, Bench

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answerer_does_not_pass_and_is_named(bench: Bench, name: str) -> None:
    adversary = BAD[name]
    findings, verdict = bench.judged(adversary.pack, adversary.behaviour)
    assert verdict.exit_code in (1, 3), verdict
    open_ones = [
        str(part.estimate) for finding in findings if finding.check.severity == "block"
        for part in finding.slices if part.status not in ("pass", "not_applicable")
    ]
    open_ones += [f.id for f in findings if f.check.severity == "block" and not f.slices and f.status != "pass"]
    assert any(adversary.named_by in name and name.find(adversary.pack) >= 0 for name in open_ones), open_ones


@pytest.mark.parametrize("name", NAMES)
def test_a_competent_answerer_passes(bench: Bench, name: str) -> None:
    """So that what the others fail for is what they do."""
    findings, verdict = bench.judged(name, competent(seed=1))
    assert verdict.exit_code == 0, [f.id for f in findings if f.status != "pass"]


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 25
    assert {adversary.pack for adversary in BAD.values()} == set(NAMES)
