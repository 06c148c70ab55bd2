"""Guards: what must be shown beside a metric, on which rows, and more than which blind answerer reaches."""

from __future__ import annotations

import pytest

from auditkit.measure.definition import GuardRule
from auditkit.measure.evidence_blind import BlindAnswerers
from auditkit.measure.guards import GuardFinder
from auditkit.measure.measurement import measure
from auditkit.measure.uses import completed
from auditkit.schema import EstimateId, Sample

from .conftest import answering, card, sample

PEOPLE = ("stereotype", "anti", "unknown")


def asked(name: str, target: str, labels: tuple[str, ...] = PEOPLE, **fields: object) -> Sample:
    """A question about two people, Ann first; the choices that name one have a group."""
    texts = {"stereotype": "the nurse Ann", "anti": "Bob", "unknown": "not said"}
    made = sample(name, labels, [texts[label] for label in labels], target=target, **{
        "input": {"context": "The nurse Ann met Bob."}, "arm": "disambiguated", **fields,
    })
    groups = {"stereotype": "female", "anti": "male", "unknown": None}
    choices = tuple(choice.model_copy(update={"group": groups[choice.label]}) for choice in made.choices)
    return made.model_copy(update={"choices": choices})


def best(*samples: Sample) -> tuple[str, float] | None:
    return BlindAnswerers().best(samples)


def test_naming_either_person_is_right_in_half_of_the_rows_and_not_in_a_third() -> None:
    orders = [PEOPLE, ("anti", "unknown", "stereotype"), ("unknown", "stereotype", "anti")]
    rows = [
        asked(f"{place}-{target}", target, labels, input={"context": "They met."})
        for place, labels in enumerate(orders) for target in ("stereotype", "anti")
    ]
    answerer = best(*rows)
    assert answerer is not None
    assert answerer[1] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([asked("1", "stereotype", ("anti", "unknown", "stereotype")), asked("2", "stereotype")], "longest-option"),
        ([asked("1", "anti", ("anti", "unknown", "stereotype")), asked("2", "anti")], "shortest-option"),
        ([asked("1", "anti", ("anti", "unknown", "stereotype")), asked("2", "stereotype")], "first-option"),
        (
            [asked("1", "anti", ("unknown", "anti", "stereotype")),
             asked("2", "stereotype", ("unknown", "stereotype", "anti"))],
            "option-2",
        ),
    ],
)
def test_rows_that_give_the_answer_away_raise_the_bound(rows: list[Sample], name: str) -> None:
    answerer = best(*rows)
    assert answerer == (name, 1.0)


def test_the_person_mentioned_last_is_found_by_its_words() -> None:
    context = {"context": "After Bob came the nurse Ann."}
    rows = [
        asked("1", "stereotype", ("stereotype", "anti", "unknown"), input=context),
        asked("2", "anti", ("stereotype", "anti", "unknown"), input={"context": "After the nurse Ann came Bob."}),
    ]
    assert best(*rows) == ("last-mentioned", 1.0)


def test_a_label_that_can_be_read_is_answered_by_its_majority() -> None:
    rows = [sample(str(i), ("true", "false"), ("true", "false"), target="true" if i < 3 else "false") for i in range(4)]
    assert best(*rows)[1] == 0.75  # type: ignore[index]


def test_what_a_hidden_label_means_gives_nothing_away() -> None:
    rows = [
        sample(str(i), labels, [f"{label} sentence {i}" for label in labels], target="plausible")
        for i, labels in enumerate([("plausible", "scrambled"), ("scrambled", "plausible")] * 4)
    ]
    answerer = best(*rows)
    assert answerer is not None
    assert answerer[1] == 0.5


def test_rows_without_a_right_choice_have_no_blind_answerer() -> None:
    assert best(sample("1", target=None)) is None
    assert best() is None


AMBIGUOUS = EstimateId(benchmark="p", metric="ambiguous_bias_score", arm="ambiguous")
RULE = GuardRule(arm="disambiguated")


def rows_of_two_axes() -> list[Sample]:
    return [
        asked(f"{axis}-{target}-{place}", target, labels, metadata={"axis": axis}, groups={axis: target})
        for axis in ("age", "gender") for target in ("stereotype", "anti")
        for place, labels in enumerate((PEOPLE, ("anti", "unknown", "stereotype"), ("unknown", "stereotype", "anti")))
    ]


def test_a_slice_is_guarded_on_its_own_rows() -> None:
    finder = GuardFinder(rows_of_two_axes())
    guard = finder.guard(RULE, AMBIGUOUS.model_copy(update={"slice": {"axis": "age"}}))
    assert guard is not None
    assert (guard.slice, guard.arm, guard.metric) == ({"axis": "age"}, "disambiguated", "accuracy")
    assert 0.5 <= guard.bound < 1


def test_the_bound_of_a_group_does_not_know_who_is_right() -> None:
    finder = GuardFinder([
        asked(f"{target}-{i}", target, groups={"age": target}) for target in ("stereotype", "anti") for i in range(4)
    ])
    guard = finder.guard(RULE, AMBIGUOUS.model_copy(update={"axis": "age", "group": "anti"}))
    assert guard is not None
    assert (guard.axis, guard.group, guard.bound) == ("age", "anti", 0.5)


def test_a_group_is_guarded_on_the_rows_about_it_whoever_is_right_there() -> None:
    rule = GuardRule(arm="disambiguated", group_key="stereotyped_group")
    rows = [
        asked(f"{about}-{target}", target, groups={"age": target}, metadata={"axis": "age", "stereotyped_group": about})
        for about in ("older", "younger") for target in ("stereotype", "anti")
    ]
    guard = GuardFinder(rows).guard(rule, AMBIGUOUS.model_copy(update={"axis": "age", "group": "older"}))
    assert guard is not None
    assert guard.slice == {"axis": "age", "stereotyped_group": "older"}
    use = {"metric": "ambiguous_bias_score", "arm": "ambiguous", "groups": True}
    whole = completed(card(metrics=[use], groups=["age"]), [*rows, sample("a", arm="ambiguous")])
    (accuracy,) = (use for use in whole.metrics if use.metric == "accuracy")
    assert accuracy.slices == (("axis", "stereotyped_group"),)


def test_a_slice_that_one_answer_solves_is_guarded_on_a_wider_part() -> None:
    texts = [
        sample(f"{word}-{i}", ("positive", "negative"), ("positive", "negative"), target=word,
               metadata={"polarity": word, "axis": "gender"})
        for word in ("positive", "negative") for i in range(2)
    ]
    name = EstimateId(
        benchmark="p", metric="counterfactual_flip_rate", arm="base", slice={"axis": "gender", "polarity": "negative"},
    )
    guard = GuardFinder(texts).guard(GuardRule(), name)
    assert guard is not None
    assert (guard.slice, guard.bound) == ({"axis": "gender"}, 0.5)


def test_nothing_to_show_withholds_every_pass() -> None:
    guard = GuardFinder([]).guard(RULE, AMBIGUOUS)
    assert guard is not None
    assert guard.bound == 1.0


def test_no_rule_no_guard() -> None:
    assert GuardFinder([]).guard(None, AMBIGUOUS) is None


def test_each_estimate_carries_the_guard_of_its_slice_and_the_guard_is_measured() -> None:
    twins = rows_of_two_axes()
    asked_about = [
        row.model_copy(update={"id": f"{row.id}-a", "arm": "ambiguous", "target": "unknown"}) for row in twins
    ]
    use = {"metric": "ambiguous_bias_score", "arm": "ambiguous", "slices": ["axis"], "groups": True}
    rows = [*twins, *asked_about]
    whole = completed(card(metrics=[use], groups=["age", "gender"]), rows)
    outputs = answering({row.id: row.target for row in rows}, rows)
    estimates = {estimate.id: estimate for estimate in measure(whole, rows, outputs).estimates}
    guarded = [estimate for estimate in estimates.values() if estimate.id.metric == "ambiguous_bias_score"]
    assert len(guarded) > 5
    for estimate in guarded:
        assert estimate.guard is not None
        assert estimate.guard.estimate("p") in estimates
    by_axis = {str(e.id): e.guard.slice for e in guarded if e.guard is not None and e.id.slice}
    assert by_axis == {
        "p/ambiguous_bias_score@ambiguous[axis=age]": {"axis": "age"},
        "p/ambiguous_bias_score@ambiguous[axis=gender]": {"axis": "gender"},
    }
