"""Charts: positions computed by hand. The drawing's axis runs from 2 % to 98 % of its width."""

from __future__ import annotations

import pytest

from auditkit.render.view.index import look_up
from auditkit.render.view.lines import Dot, estimates_chart
from auditkit.schema import Audit, EstimateId


def _dot(audit: Audit, name: str, **more: object) -> Dot:
    index, id_ = look_up(audit), EstimateId.parse(name)
    return Dot(name, index.estimates[id_].model_copy(update=more), index.findings.get(id_), True)


def _percent(text: str | None) -> float:
    assert text is not None
    assert text.endswith("%")
    return float(text[:-1])


def test_positions_on_the_whole_range(audit: Audit) -> None:
    dot = _dot(audit, "ambiguous-qa/accuracy@disambiguated", value=0.25, low=0.0, high=1.0)
    drawn = estimates_chart("x", "", "t", [dot])
    row = drawn.rows[0]
    assert (_percent(row.low), _percent(row.dot), _percent(row.high)) == (2.0, 26.0, 98.0)
    assert drawn.note == ""


def test_the_allowed_band_is_where_the_policy_puts_it(audit: Audit) -> None:
    dot = _dot(audit, "stereotype-pairs/stereotype_score@pair", low=0.0, high=1.0)
    drawn = estimates_chart("x", "", "t", [dot])
    assert drawn.band is not None
    assert drawn.ideal is not None
    assert _percent(drawn.band[0]) == pytest.approx(2 + 96 * 0.4, abs=0.01)
    assert _percent(drawn.band[1]) == pytest.approx(96 * 0.2, abs=0.01)
    assert _percent(drawn.ideal.x) == 50.0


def test_an_undefined_value_has_no_dot_and_a_whisker_over_the_range(audit: Audit) -> None:
    row = estimates_chart("x", "", "t", [_dot(audit, "ambiguous-qa/accuracy@disambiguated[religion:buddhist]")]).rows[0]
    assert row.dot is None
    assert row.numbers == "undefined"
    assert (row.worst_low, row.worst_high) == ("2.00%", "98.00%")


def test_peers_share_an_axis(audit: Audit) -> None:
    one = _dot(audit, "ambiguous-qa/accuracy@disambiguated[age:older]")
    other = _dot(audit, "ambiguous-qa/accuracy@disambiguated[gender:male]")
    left = estimates_chart("a", "", "t", [one], peers=[other])
    right = estimates_chart("b", "", "t", [other], peers=[one])
    assert left.ticks == right.ticks
    assert estimates_chart("b", "", "t", [other]).ticks != right.ticks


def test_the_axis_never_blows_up_less_than_a_tenth_of_the_range(audit: Audit) -> None:
    dot = _dot(audit, "ambiguous-qa/accuracy@disambiguated", value=0.5, low=0.4999, high=0.5001, unscored={})
    fill = dot.estimate.at_lowest_fill.model_copy(update={"value": 0.5, "low": 0.4999, "high": 0.5001})
    estimate = dot.estimate.model_copy(update={"at_lowest_fill": fill, "at_highest_fill": fill})
    row = estimates_chart("x", "", "t", [Dot("x", estimate, None)]).rows[0]
    assert _percent(row.high) - _percent(row.low) < 0.3


def test_labels_of_close_limits_are_joined(audit: Audit) -> None:
    dot = _dot(audit, "ambiguous-qa/bias_score@ambiguous", value=0.9, low=0.8, high=1.0)
    drawn = estimates_chart("x", "", "t", [dot])
    assert [edge.label for edge in drawn.edges].count("") <= 1
    texts = [edge.label for edge in drawn.edges if edge.label]
    assert len(texts) == 2 or texts[0].startswith("limits")


def test_the_description_stands_in_for_the_drawing(audit: Audit) -> None:
    text = estimates_chart("x", "", "t", [_dot(audit, "stereotype-pairs/stereotype_score@pair")]).description
    text = text.replace("\u00a0", " ")
    assert text.startswith("Allowed: between 40.0 % and 60.0 %. ")
    assert "61.1 %, interval [53.5, 68.4]" in text
    assert text.endswith("n 445, inconclusive.")
