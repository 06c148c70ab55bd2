"""The checks that a user could begin with."""

from __future__ import annotations

import pytest

from auditkit.schema import DeclaredMetric, DeclaredPart, EstimateId
from auditkit.schema.starting_checks import check_line, gap_bound, policy_lines, starting_checks


def metric(name: str = "accuracy", groups: tuple[int, ...] = (), **changes: object) -> DeclaredMetric:
    parts = [DeclaredPart(cluster_sizes=((1, 200),))]
    parts += [DeclaredPart(axis="gender", group=f"g{i}", cluster_sizes=((1, n),)) for i, n in enumerate(groups)]
    values = {
        "benchmark": "reviews", "metric": name, "arm": "all", "title": name, "range": (0.0, 1.0),
        "direction": "higher", "mean": True, "parts": tuple(parts),
        "contrasts": (("gender", "gap"), ("gender", "smallest_ratio")) if groups else (), **changes,
    }
    return DeclaredMetric.model_validate(values)


@pytest.mark.parametrize(("rows", "bound"), [(0, None), (19, None), (20, 0.35), (30, 0.25), (100, 0.1), (10_000, 0.1)])
def test_a_gap_may_be_twice_what_the_smallest_group_can_show(rows: int, bound: float | None) -> None:
    assert gap_bound(rows) == bound
    if bound is not None:
        assert bound >= 2 * (1 - 0.025 ** (1 / rows))


def test_a_metric_is_held_against_its_baseline_and_between_groups() -> None:
    accuracy = metric(groups=(40, 160))
    pooled, gap = starting_checks([accuracy], {accuracy.id(accuracy.parts[0]): 0.6931}, {})
    assert (pooled.rule, pooled.bound, pooled.axis) == ("AK100", 0.694, None)
    assert (gap.rule, gap.bound, gap.axis, gap.contrast) == ("AK101", 0.2, "gender", "gap")


def test_without_a_baseline_nothing_is_asked_of_all_rows() -> None:
    assert starting_checks([metric()], {}, {}) == ()
    assert [check.rule for check in starting_checks([metric("unscored_share", direction="lower")], {}, {})] == ["AK106"]


def test_a_group_too_small_for_any_bound_gets_no_check() -> None:
    assert starting_checks([metric(groups=(200, 3))], {}, {}) == ()


def test_a_line_holds_what_is_not_at_its_default() -> None:
    (check,) = starting_checks([metric(groups=(100, 100))], {}, {})
    assert check_line(check) == (
        '{rule: "AK101", benchmark: "reviews", metric: "accuracy", arm: "all", axis: "gender", contrast: "gap", '
        "bound: 0.1}"
    )
    assert policy_lines([check])[:3] == ["schema_version: 1", "name: my-policy", "checks:"]


def test_equalised_odds_are_bounded_by_the_smallest_denominator_and_of_two_classes_once() -> None:
    odds = [
        metric(f"equalized_odds_difference:{name}", parts=(), contrasts=(("gender", "gap"), ("gender × race", "gap")),
               direction="lower", made_of=(f"true_positive_rate:{name}", f"false_positive_rate:{name}"))
        for name in ("bad", "good")
    ]
    sizes = {
        EstimateId(benchmark="reviews", metric=rate, arm="all", axis="gender", group=group): size
        for rate, group, size in [
            ("true_positive_rate:bad", "f", 40), ("true_positive_rate:bad", "m", 80),
            ("true_positive_rate:bad", "x", 4),
            ("false_positive_rate:bad", "f", 90), ("false_positive_rate:bad", "m", 50),
            ("false_positive_rate:bad", "unknown", 12),
        ]
    }
    (check,) = starting_checks(odds, {}, sizes)
    assert (check.metric, check.axis, check.bound) == ("equalized_odds_difference:bad", "gender", 0.2)
    assert starting_checks(odds, {}, {}) == ()
    alone = {name: size for name, size in sizes.items() if (name.metric[0], name.group) != ("f", "m")}
    assert starting_checks(odds, {}, alone) == (), "one group has nobody to be compared with"
