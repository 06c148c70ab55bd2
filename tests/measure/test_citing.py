"""Cited samples follow a fixed, seeded rule."""

from __future__ import annotations

import random

from auditkit.measure.citing import Candidate, cite
from auditkit.measure.measurement import measure
from auditkit.schema import Cited

from .conftest import answering, card, sample, scored


def unit(name: str, value: float | None, margin: float = 0.0, reason: str | None = None) -> Candidate:
    return Candidate(name, (name,), value, reason, margin)  # type: ignore[arg-type]


def cited(candidates: list[Candidate], **changes: object) -> Cited:
    rule = {"direction": "lower", "range": (0.0, 1.0), "ideal": None, "value": 0.5, "seed": 0, "k": 2} | changes
    return cite(candidates, **rule)  # type: ignore[arg-type]


UNITS = [unit("a", 1.0, 0.5), unit("b", 1.0, 3.0), unit("c", 0.0, 9.0), unit("d", 1.0, 2.0), unit("e", 0.0, 1.0)]


def test_extreme_is_the_unfavourable_side_with_the_largest_margin() -> None:
    assert cited(UNITS).extreme == ("b", "d")
    assert cited(UNITS, direction="higher").extreme == ("c", "e")


def test_with_the_ideal_in_the_middle_the_estimates_own_side_is_extreme() -> None:
    assert cited(UNITS, direction="middle", ideal=0.5, value=0.6).extreme == ("b", "d")
    assert cited(UNITS, direction="middle", ideal=0.5, value=0.4).extreme == ("c", "e")
    assert cited(UNITS, direction="middle", ideal=0.5, value=0.5).extreme == ("c", "b")


def test_nothing_is_extreme_where_nothing_is_bad() -> None:
    assert cited([unit("a", 0.0), unit("b", 0.0)], value=0.0).extreme == ()


def test_typical_is_nearest_the_estimate_and_not_extreme() -> None:
    units = [unit(name, value) for name, value in (("a", 1.0), ("b", 0.9), ("c", 0.55), ("d", 0.1), ("e", 0.4))]
    found = cited(units)
    assert found.extreme == ("a", "b")
    assert found.typical == ("c", "e")


def test_outside_is_not_cited_as_unscored() -> None:
    units = [unit("a", None, reason="outside"), unit("b", None, reason="tied"), unit("c", None, reason="not_run")]
    found = cited(units, value=None)
    assert set(found.unscored) == {"b", "c"}
    assert (found.extreme, found.typical) == ((), ())


def test_equals_are_ordered_by_seed_not_by_position() -> None:
    units = [unit(f"u{i:02}", 1.0) for i in range(40)]
    mixed = random.Random(0).sample(units, 40)
    assert cited(units) == cited(mixed)
    assert len({cited(units, seed=seed).extreme for seed in range(6)}) == 6
    assert cited(units).extreme != ("u00", "u01")


def test_measure_cites_by_likelihood_margin() -> None:
    samples = [sample(str(i), ("true", "false"), target="false") for i in range(6)]
    outputs = {one.id: scored(-1.0, -1.5 - i) for i, one in enumerate(samples)}
    uses = [{"metric": "false_claim_endorsement", "arm": "all"}]
    (found,) = measure(card(metrics=uses), samples, outputs).estimates
    assert found.cited.extreme == ("p/5", "p/4", "p/3", "p/2")
    assert set(found.cited.typical) == {"p/0", "p/1"}


def test_a_metric_over_twins_cites_samples_that_exist() -> None:
    samples = [sample(f"{o}-{arm}", ("true", "false"), target="true", origin=o, arm=arm, clusters={"template": o})
               for o in "abcdef" for arm in ("x", "y")]
    outputs = answering(dict.fromkeys([s.id for s in samples], "false"), samples)
    uses = [{"metric": "matched_pair_accuracy", "arm": "all"}]
    (found,) = measure(card(metrics=uses), samples, outputs).estimates
    assert len(found.cited.extreme) == 8
    assert set(found.cited.extreme) <= {s.id for s in samples}
