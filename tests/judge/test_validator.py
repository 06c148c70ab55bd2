"""Every way to write a policy that decides nothing, or something else than it says, is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.judge.feasibility import Design, can_fail, can_pass, rows_needed
from auditkit.judge.validator import family_of, policy_faults
from auditkit.schema import Check, DeclaredMetric, DeclaredPart, Policy, Waiver


def part(rows: int = 400, **name: Any) -> DeclaredPart:
    return DeclaredPart(cluster_sizes=((4, rows // 4),), **name)


SCORE = DeclaredMetric(
    benchmark="pairs", metric="stereotype_score", arm="pair", title="Stereotype score", range=(0, 1),
    direction="middle", ideal=0.5, mean=True, slices=(("axis",), ("axis", "valence")), contrasts=(("age", "gap"),),
    variants=("typos",),
    parts=(
        part(800), part(slice={"axis": "age"}), part(slice={"axis": "gender"}),
        part(200, slice={"axis": "age", "valence": "bad"}), part(20, slice={"axis": "gender", "valence": "bad"}),
        part(axis="age", group="older"), part(axis="age", group="younger"), part(8, axis="gender", group="nonbinary"),
    ),
)
ACCURACY = DeclaredMetric(
    benchmark="reviews", metric="accuracy", arm="all", title="Accuracy", range=(0, 1), direction="higher", mean=True,
    parts=(part(),),
)
LOSS = ACCURACY.model_copy(update={"metric": "loss", "range": (0.0, 10.0), "direction": "lower", "mean": False})
DECLARED = (SCORE, ACCURACY, LOSS)


def check(**fields: Any) -> Check:
    return Check(**{
        "rule": "AK102", "benchmark": "pairs", "metric": "stereotype_score", "arm": "pair", "bound": 0.2, **fields,
    })


def faults(*checks: Check, waivers: tuple[Waiver, ...] = ()) -> list[tuple[str, str]]:
    policy = Policy(name="p", checks=checks, waivers=waivers)
    found = policy_faults(policy, DECLARED, ("claims",))
    return [(".".join(map(str, fault.location)), fault.text) for fault in found]


@pytest.mark.parametrize("fields", [
    {}, {"each": ["axis"]}, {"slice": {"axis": "age"}}, {"slice": {"valence": "bad", "axis": "age"}},
    {"axis": "age", "group": "older"}, {"variant": "typos"}, {"rule": "AK100"},
    {"rule": "AK100", "axis": "age", "contrast": "gap"}, {"benchmark": "claims"},
    {"rule": "AK100", "variant": "typos", "contrast": "difference"},
    {"rule": "AK100", "benchmark": "reviews", "metric": "accuracy", "arm": "all", "bound": 0.8},
])
def test_what_can_be_judged(fields: dict[str, Any]) -> None:
    assert faults(check(**fields)) == []


@pytest.mark.parametrize(("fields", "key", "message"), [
    ({"rule": "AK120"}, "rule", 'no rule is called "AK120"; did you mean "AK'),
    ({"rule": "AK101"}, "rule", "metric: stereotype_score; the rule AK101 is about metric: accuracy"),
    ({"rule": "AK102", "axis": "age", "contrast": "gap"}, "rule", "contrast: gap; the rule AK102 is about no contrast"),
    ({"benchmark": "pair"}, "benchmark", 'did you mean "pairs"'),
    ({"metric": "stereotyp_score", "rule": "AK100"}, "metric", 'did you mean "stereotype_score"'),
    ({"arm": "pairs"}, "arm", 'did you mean "pair"'),
    ({"variant": "typo"}, "variant", 'did you mean "typos"'),
    ({"variant": "typos", "slice": {"axis": "age"}}, "variant", "all rows"),
    ({"rule": "AK100", "contrast": "difference"}, "contrast", "give a variant"),
    ({"slice": {"axes": "age"}}, "slice", 'did you mean "axis"'),
    ({"slice": {"axis": "aeg"}}, "slice", 'no row has axis: "aeg"; did you mean "age"'),
    ({"slice": {"axis": "gender", "valence": "good"}}, "slice", 'no row has valence: "good"'),
    ({"each": ["axes"]}, "each", 'did you mean "axis"'),
    ({"each": ["valence"]}, "each", "does not slice"),
    ({"axis": "aeg", "group": "older"}, "axis", 'did you mean "age"'),
    ({"axis": "age", "group": "old"}, "group", 'did you mean "older"'),
    ({"rule": "AK100", "axis": "age", "contrast": "smallest_ratio"}, "contrast", "has no smallest_ratio on age"),
    ({"bound": 0.5}, "bound", "between 0 and 0.5"),
    ({"bound": -0.1}, "bound", "between 0 and 0.5"),
    ({"bound": 0.0}, "bound", "between 0 and 0.5"),
    ({"rule": "AK100", "axis": "age", "contrast": "gap", "bound": 1}, "bound", "between 0 and 1"),
    ({"rule": "AK100", "benchmark": "reviews", "metric": "accuracy", "arm": "all", "bound": 80}, "bound", "0 and 1"),
    ({"rule": "AK100", "benchmark": "reviews", "metric": "loss", "arm": "all", "bound": 10}, "bound", "0 and 10"),
])
def test_what_is_refused(fields: dict[str, Any], key: str, message: str) -> None:
    found = faults(check(**fields))
    assert found
    assert found[0][0] == f"checks.0.{key}"
    assert message in found[0][1]


@pytest.mark.parametrize(("fields", "message"), [
    ({"bound": 0.01}, "could not pass whatever the answers"),
    ({"bound": 0.499}, "could not fail whatever the answers"),
    ({"each": ["axis", "valence"]}, "gender][valence=bad] could not pass whatever the answers: the whole pack holds "),
    ({"each": "group"}, "gender:nonbinary] could not pass"),
    ({"axis": "gender", "group": "nonbinary"}, "answers: the whole pack holds 8 rows in 2"),
    ({"min_clusters": 500}, "could not pass"),
])
def test_what_no_answers_could_decide_is_refused_unless_it_only_warns(fields: dict[str, Any], message: str) -> None:
    ((key, text),) = faults(check(**fields))
    assert key == "checks.0.bound"
    assert message in text
    assert faults(check(**fields, severity="warn")) == []


def test_duplicates_by_whichever_rule_are_refused() -> None:
    assert faults(check(), check(bound=0.1))[0][0] == "checks.1.metric"
    assert faults(check(), check(rule="AK100"))[0][0] == "checks.1.metric"
    assert faults(check(each=["axis"]), check(each=["axis"], bound=0.3))[0][0] == "checks.1.metric"
    assert faults(check(), check(rule="AK100", severity="warn", bound=0.1), check(each=["axis"])) == []


def test_waivers_name_a_finding_of_the_policy_and_one_slice() -> None:
    def waived(finding: str, bound: float = 0.3) -> list[tuple[str, str]]:
        waiver = Waiver(finding=finding, owner="o", reason="r", accepted_bound=bound, expires="2030-01-01")  # type: ignore[arg-type]
        return faults(check(), check(each=["axis"]), waivers=(waiver,))

    assert waived("AK102 pairs/stereotype_score@pair") == []
    assert waived("AK102 pairs/stereotype_score@pair[axis=age]") == []
    assert "names one slice" in waived("AK102 pairs/stereotype_score@pair each axis")[0][1]
    assert "did you mean" in waived("AK102 pairs/stereotype_score@pairs")[0][1]
    assert waived("AK102 pairs/stereotype_score@pair", 0.7)[0][0] == "waivers.0.accepted_bound"


def test_the_family_counts_every_slice_of_every_blocking_check() -> None:
    checks = (check(), check(each=["axis"]), check(each="group"), check(each=["axis", "valence"], severity="warn"))
    assert family_of(checks, DECLARED) == 1 + 2 + 3


def test_how_many_rows_would_do() -> None:
    small = Design(((4, 6),), (0.0, 1.0), "middle", 0.5)
    assert not can_pass(check(), small)
    needed = rows_needed(check(), small, can_pass)
    assert needed is not None
    assert can_pass(check(), small.grown(needed // 4))
    assert can_fail(check(), small.grown(40))
    assert not can_fail(check(), small.grown(40), family=10**9)
