"""What is measured of a benchmark beyond what its card names."""

from __future__ import annotations

from auditkit.measure.uses import completed

from .conftest import card, sample

BIAS = {"metric": "ambiguous_bias_score", "arm": "ambiguous", "slices": ["axis", "polarity"], "groups": True}
ROWS = [sample("1", arm="ambiguous"), sample("2", arm="disambiguated")]


def uses(*named: dict[str, object], **fields: object) -> list[tuple[str, str, tuple[str, ...], bool]]:
    whole = completed(card(metrics=list(named), **fields), ROWS)
    return [(use.metric, use.arm, use.slices, use.groups) for use in whole.metrics]


def test_a_guard_is_measured_on_the_slices_and_groups_of_what_it_guards() -> None:
    assert ("accuracy", "disambiguated", ("axis", "polarity"), True) in uses(BIAS, groups=["age"])


def test_a_guard_that_the_card_measures_already_gets_the_slices_beside_its_own() -> None:
    accuracy = {"metric": "accuracy", "arm": "disambiguated", "slices": ["topic"]}
    measured = uses(accuracy, BIAS, groups=["age"])
    assert measured[0] == ("accuracy", "disambiguated", ("topic", "axis", "polarity"), True)
    assert [use[0] for use in measured].count("accuracy") == 1


def test_the_share_without_an_answer_is_measured_on_every_arm_by_slice_and_group() -> None:
    measured = [use for use in uses(BIAS, groups=["age"]) if use[0] == "unscored_share"]
    assert measured == [
        ("unscored_share", "ambiguous", ("axis", "polarity"), True),
        ("unscored_share", "disambiguated", ("axis", "polarity"), True),
    ]


def test_an_arm_that_no_row_has_is_not_measured() -> None:
    whole = completed(card(metrics=[BIAS]), [sample("1", arm="ambiguous")])
    assert {use.arm for use in whole.metrics} == {"ambiguous"}


def test_completing_twice_changes_nothing() -> None:
    once = completed(card(metrics=[BIAS], groups=["age"]), ROWS)
    assert completed(once, ROWS) == once
