"""Units of an arm: what all metrics share is made once, and says what the rows say."""

from __future__ import annotations

import pytest

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.measure.units import AnsweredSamples, Labels, Unit

from .conftest import answering, card, sample


def test_labels_are_numbered_in_their_order() -> None:
    labels = Labels.of(["b", "a", "b", "c" * 3000])
    assert labels.names == ("a", "b", "c" * 3000)
    assert labels.codes.tolist() == [1, 0, 1, 2]
    assert labels.codes.nbytes == 4 * 8, "a long label takes no more than a short one"
    assert labels.named("b").tolist() == [True, False, True, False]


def test_units_are_sorted_and_made_once() -> None:
    rows = [sample(name, ("a", "b"), target="a", arm=arm) for name, arm in (("2", "x"), ("1", "x"), ("3", "y"))]
    answered = AnsweredSamples(rows, {})
    units = answered.units("x", "sample")
    assert [unit.id for unit in units.units] == ["p/1", "p/2"]
    assert answered.units("x", "sample") is units
    assert units.facts(("topic",)) is units.facts(("topic",))
    assert units.members(["p/2"]) == ("p/2",)


def test_twins_of_two_clusters_are_refused() -> None:
    rows = [sample(str(place), ("a", "b"), origin="o", clusters={"template": str(place)}) for place in range(2)]
    with pytest.raises(MeasurementError, match="differs between twins"):
        AnsweredSamples(rows, {}).units("all", "origin").clusters("template")


def test_each_row_is_labelled_once_for_all_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """With five metrics, three axes and a slice, a row of 200,000 was otherwise labelled forty times."""
    calls = []
    monkeypatch.setattr(Unit, "cluster", lambda self, factor: calls.append(self.id) or "c")
    rows = [sample(str(place), ("a", "b"), target="a", clusters={"template": "c"}) for place in range(5)]
    uses = [{"metric": name, "arm": "all"} for name in ("accuracy", "macro_f1", "matthews_correlation")]
    measure(card(metrics=uses), rows, answering({row.id: "a" for row in rows}, rows))
    assert sorted(calls) == sorted(row.id for row in rows)
