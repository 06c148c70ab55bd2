"""Cited samples follow a fixed, seeded rule."""

from __future__ import annotations

import hashlib
import random
import statistics
from typing import NamedTuple

import numpy as np

from auditkit.measure.citing import Candidates, cite
from auditkit.measure.measurement import measure
from auditkit.schema import Cited

from .conftest import answering, card, sample, scored


class Unit(NamedTuple):
    """A candidate."""

    id: str
    value: float | None
    margin: float = 0.0
    reason: str | None = None


unit = Unit


def cited(units: list[Unit], **changes: object) -> Cited:
    rule = {"direction": "lower", "range": (0.0, 1.0), "ideal": None, "value": 0.5, "seed": 0, "k": 2} | changes
    candidates = Candidates(
        [unit.id for unit in units], np.array([np.nan if unit.value is None else unit.value for unit in units]),
        np.array([unit.reason or "" for unit in units]), np.array([unit.margin for unit in units]),
    )
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


def by_definition(units: list[Unit], value: float, k: int) -> Cited:
    """The rule as its docstring says it, one unit at a time; lower is better."""
    def hashed(unit: Unit) -> str:
        return hashlib.sha256(f"0\0{unit.id}".encode()).hexdigest()

    scored = [unit for unit in units if unit.value is not None]
    worse = sorted((u for u in scored if u.value > 0), key=lambda u: (-u.value, -u.margin, hashed(u)))[:k]
    middle = statistics.median(unit.margin for unit in scored)
    others = [unit for unit in scored if unit not in worse]
    typical = sorted(others, key=lambda u: (abs(u.value - value), abs(u.margin - middle), hashed(u)))[:k]
    missing = sorted((unit for unit in units if unit.reason == "tied"), key=hashed)[:k]
    return Cited(**{
        name: tuple(unit.id for unit in chosen)
        for name, chosen in (("extreme", worse), ("typical", typical), ("unscored", missing))
    })


def test_the_quick_choice_is_the_one_that_is_defined() -> None:
    draw = random.Random(0)
    for size in (1, 3, 7, 60):
        for _ in range(25):
            values = [draw.choice((0.0, 0.5, 1.0, None)) for _ in range(size)] + [1.0]
            units = [
                unit(f"u{place}", value, float(draw.randrange(3)), "tied" if value is None else None)
                for place, value in enumerate(values)
            ]
            assert cited(units, value=0.4, k=3) == by_definition(units, 0.4, 3)
