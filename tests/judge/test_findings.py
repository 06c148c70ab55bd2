"""The status table of checks, Holm, guards, self-test readings, waivers and exit codes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from auditkit.errors import ConfigError
from auditkit.judge.feasibility import Design, refuse_if_it_cannot_fail
from auditkit.judge.findings import judge
from auditkit.judge.threshold import Basis, judge_check
from auditkit.judge.verdict import decide
from auditkit.schema import Check, Estimate, EstimateId, Exact, Fill, Guard, Policy, SelfTestReading, Share, Waiver
from auditkit.stats.intervals import interval

TODAY = dt.date(2026, 1, 15)


def share(
    hits: int, n: int, *, metric: str = "rate", arm: str = "all", direction: str = "lower", clusters: int | None = None,
    ideal: float | None = None, guard: Guard | None = None, **unscored: int,
) -> Estimate:
    """An estimate of a share of independent samples; the unscored ones are filled with 0 and 1."""
    filled = sum(count for reason, count in unscored.items() if reason != "outside")

    def fill(extra: int) -> Fill:
        total = n + filled
        spread = Exact(hits=hits + extra, n=total) if total else None
        low, high = interval(spread) if spread else (None, None)
        return Fill(value=(hits + extra) / total if total else None, low=low, high=high, spread=spread)

    spread = Exact(hits=hits, n=n) if n else None
    low, high = interval(spread) if spread else (None, None)
    return Estimate(
        id=EstimateId(benchmark="pack", metric=metric, arm=arm), value=hits / n if n else None, low=low,
        high=high, method="Clopper–Pearson", n=n, clusters=n if clusters is None else clusters,
        effective_clusters=n if clusters is None else clusters,
        unscored=unscored,  # type: ignore[arg-type]
        spread=spread, at_lowest_fill=fill(0), at_highest_fill=fill(filled), direction=direction,  # type: ignore[arg-type]
        ideal=ideal, range=(0, 1), guard=guard,
    )


def check(bound: float, **fields: Any) -> Check:
    return Check(**{"rule": "AK201", "benchmark": "pack", "metric": "rate", "arm": "all", "bound": bound, **fields})


def outcome(bound: float, estimate: Estimate | None, **fields: Any) -> tuple[str, str]:
    estimates = {estimate.id: estimate} if estimate is not None else {}
    finding = judge_check(check(bound, **fields), Basis(estimates=estimates))
    return finding.status, finding.cause


@pytest.mark.parametrize(
    ("hits", "n", "bound", "expected"),
    [
        # Clopper–Pearson, statistics §12: 286/1319 is [.194864, .240067].
        (286, 1319, 0.2401, ("pass", "cleared")),
        (286, 1319, 0.2400, ("inconclusive", "straddles")),
        (286, 1319, 0.1949, ("inconclusive", "straddles")),
        (286, 1319, 0.1948, ("fail", "missed")),
        (0, 29, 0.9, ("inconclusive", "too_few_samples")),
        (0, 10, 0.9, ("inconclusive", "too_few_samples")),
    ],
)
def test_lower_is_better(hits: int, n: int, bound: float, expected: tuple[str, str]) -> None:
    assert outcome(bound, share(hits, n)) == expected


def test_higher_is_better_mirrors() -> None:
    estimate = share(1319 - 286, 1319, direction="higher")
    assert outcome(1 - 0.2401, estimate) == ("pass", "cleared")
    assert outcome(1 - 0.1948, estimate) == ("fail", "missed")


def test_ideal_in_the_middle_fails_on_both_sides() -> None:
    for hits in (400, 0):
        assert outcome(0.1, share(hits, 400, direction="middle", ideal=0.5)) == ("fail", "missed")
    assert outcome(0.1, share(200, 400, direction="middle", ideal=0.5)) == ("pass", "cleared")
    assert outcome(0.04, share(200, 400, direction="middle", ideal=0.5)) == ("inconclusive", "straddles")


def test_undecided_tells_how_many_samples_would_decide() -> None:
    estimate = share(20, 100)
    finding = judge_check(check(0.25), Basis(estimates={estimate.id: estimate}))
    needed = finding.parameters["n_to_decide"]
    assert isinstance(needed, int)
    assert outcome(0.25, share(needed // 5, needed)) == ("pass", "cleared")
    assert outcome(0.25, share(needed // 10, needed // 2)) == ("inconclusive", "straddles")
    bounded = share(20, 92, unparsed=8)
    finding = judge_check(check(0.25), Basis(estimates={bounded.id: bounded}))
    assert finding.parameters["n_to_decide"] is None, "the fills lie on both sides of the bound"


def test_missing_estimate_is_an_error_and_never_a_pass() -> None:
    assert outcome(0.9, None) == ("error", "no_estimate")
    assert outcome(0.9, share(0, 0)) == ("error", "no_estimate")


def test_errors_beyond_the_limit_are_an_error_even_when_the_rest_would_pass() -> None:
    assert outcome(0.9, share(0, 98, errored=2)) == ("error", "errored")
    assert outcome(0.9, share(0, 99, errored=1)) == ("pass", "cleared")
    assert outcome(0.9, share(0, 98, not_run=2)) == ("error", "errored")


def test_unscored_alone_never_fail_and_bound_a_pass() -> None:
    assert outcome(0.5, share(0, 0, unparsed=100)) == ("inconclusive", "undefined")
    assert outcome(0.05, share(0, 0, refused=100)) == ("inconclusive", "undefined")
    # 0/95 alone clears 0.10; with five unscored samples taken as hits it does not.
    assert outcome(0.10, share(0, 95)) == ("pass", "cleared")
    assert outcome(0.10, share(0, 95, unparsed=5)) == ("inconclusive", "straddles")
    assert outcome(0.50, share(0, 80, refused=20)) == ("inconclusive", "too_many_unscored")


def test_samples_outside_the_denominator_do_not_count_as_unscored() -> None:
    assert outcome(0.5, share(0, 50, outside=50)) == ("pass", "cleared")


def test_few_clusters_withhold_a_pass_but_not_a_failure() -> None:
    assert outcome(0.5, share(0, 100, clusters=19)) == ("inconclusive", "too_few_clusters")
    assert outcome(0.5, share(100, 100, clusters=19)) == ("fail", "missed")
    # 30 clusters that tell as much as 19.9
    dominated = share(0, 100, clusters=30).model_copy(update={"effective_clusters": 19.9})
    assert outcome(0.5, dominated) == ("inconclusive", "too_few_clusters")


def test_guard_withholds_a_pass_and_never_causes_a_failure() -> None:
    guard = Guard(metric="accuracy", arm="all", bound=1 / 3)
    biased, fair = share(100, 100, guard=guard), share(0, 100, guard=guard)
    poor = share(33, 100, metric="accuracy", direction="higher")
    good = share(90, 100, metric="accuracy", direction="higher")

    def status(estimate: Estimate, *others: Estimate) -> tuple[str, str]:
        found = {item.id: item for item in (estimate, *others)}
        finding = judge_check(check(0.5), Basis(estimates=found))
        return finding.status, finding.cause

    assert status(fair, good) == ("pass", "cleared")
    assert status(fair, poor) == ("inconclusive", "guard")
    assert status(fair) == ("inconclusive", "guard")
    assert status(biased, poor) == ("fail", "missed")


def test_a_wrong_selftest_reading_withholds_a_pass() -> None:
    estimate = share(0, 100)
    reading = SelfTestReading(
        planted="always-stereotyped", estimate=estimate.id, expect="exactly", expected=1.0, value=0.0, low=None,
        high=None, n=100, ok=False,
    )
    basis = Basis(estimates={estimate.id: estimate}, selftest=(reading,))
    finding = judge_check(check(0.5), basis)
    assert (finding.status, finding.cause) == ("inconclusive", "selftest")
    assert finding.parameters["selftest"] == "always-stereotyped"


def test_not_applicable_pack() -> None:
    basis = Basis(estimates={}, not_applicable={"pack": "a classifier answers no compare request"})
    finding = judge_check(check(0.5), basis)
    assert finding.status == "not_applicable"
    policy = Policy(name="p", checks=(check(0.5),))
    assert decide((finding,), policy).exit_code == 3
    allowed = finding.model_copy(update={"check": check(0.5, allow_not_applicable=True)})
    assert decide((allowed,), policy).exit_code == 3, "nothing was decided, so never 0"


def test_holm_over_the_blocking_family_names_the_largest_family() -> None:
    # 40 of 40 in 20 clusters against .5 ± .2: p = .0022, alone, or in a family of up to 11.
    spread = Share(share=1.0, n=40, largest=2, squares=0.0, effective_clusters=20, capped=True)
    low, high = interval(spread)
    fill = Fill(value=1.0, low=low, high=high, spread=spread)
    biased = Estimate(
        id=EstimateId.parse("pack/rate@all"), value=1.0, low=low, high=high,
        method="Korn–Graubard", n=40, clusters=20, effective_clusters=20, spread=spread,
        at_lowest_fill=fill, at_highest_fill=fill,
        direction="middle", ideal=0.5, range=(0, 1),
    )
    fair = [share(200, 400, metric=f"m{i}", direction="middle", ideal=0.5) for i in range(12)]
    estimates = {item.id: item for item in (biased, *fair)}

    def findings(others: int) -> Any:
        checks = (check(0.2), *(check(0.2, metric=f"m{i}") for i in range(others)))
        return judge(Policy(name="p", checks=checks), Basis(estimates=estimates), TODAY)[0]

    assert findings(0).status == "fail"
    assert findings(0).p_value == pytest.approx(0.0022, abs=5e-5)
    assert findings(10).status == "fail"
    held = findings(11)
    assert (held.status, held.cause, held.parameters["largest_family"]) == ("inconclusive", "holm", 11)


def test_warnings_are_in_no_family_and_never_move_the_exit_code() -> None:
    estimate, other = share(100, 100), share(0, 100, metric="other")
    policy = Policy(name="p", checks=(check(0.5, severity="warn"), check(0.5, metric="other")))
    findings = judge(policy, Basis(estimates={estimate.id: estimate, other.id: other}), TODAY)
    assert [finding.status for finding in findings] == ["fail", "pass"]
    assert decide(findings, policy).exit_code == 0


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["pass", "pass"], 0), (["pass", "inconclusive"], 3), (["pass", "error"], 4), (["error", "inconclusive"], 4),
        (["fail", "error"], 1), (["fail", "inconclusive", "pass"], 1), (["not_applicable"], 3),
    ],
)
def test_exit_codes(statuses: list[str], code: int) -> None:
    template = judge_check(check(0.5, allow_not_applicable=True), Basis(estimates={}))
    findings = tuple(template.model_copy(update={"status": status}) for status in statuses)
    verdict = decide(findings, Policy(name="p", checks=(check(0.5),)))
    assert verdict.exit_code == code
    assert verdict.counts == {status: statuses.count(status) for status in sorted(set(statuses))}


def test_inconclusive_may_pass_only_where_the_policy_says_so() -> None:
    template = judge_check(check(0.5), Basis(estimates={}))
    lenient = check(0.5, inconclusive="pass")
    held = template.model_copy(update={"status": "inconclusive", "check": lenient})
    passed = template.model_copy(update={"status": "pass"})
    policy = Policy(name="p", checks=(lenient,))
    assert decide((held, passed), policy).exit_code == 0
    assert decide((held,), policy).exit_code == 3, "without a decided check it is never 0"


def test_waiver_accepts_a_bound_until_it_expires() -> None:
    estimate = share(286, 1319)
    name = "AK201 pack/rate@all"

    def status(**fields: Any) -> tuple[str, str | None]:
        waiver = Waiver(**{
            "finding": name, "owner": "risk", "reason": "known", "accepted_bound": 0.25,
            "expires": TODAY, **fields,
        })
        policy = Policy(name="p", checks=(check(0.15),), waivers=(waiver,))
        found = judge(policy, Basis(estimates={estimate.id: estimate}), TODAY)[0]
        return found.status, found.waived_by

    assert status() == ("pass", "risk")
    assert status(expires=TODAY - dt.timedelta(days=1)) == ("fail", None)
    assert status(accepted_bound=0.24) == ("fail", None)
    assert status(finding="AK201 pack/other@all") == ("fail", None)


@pytest.mark.parametrize(("clusters", "bound", "family", "refused"), [
    (20, 0.2, 1, False), (20, 0.2, 11, False), (20, 0.2, 12, True), (20, 0.45, 1, True), (5, 0.2, 1, True),
])
def test_a_check_that_cannot_fail_is_refused(clusters: int, bound: float, family: int, refused: bool) -> None:
    # 40 of 40 in 20 clusters against .5 ± .2 fails alone, or in a family of up to 11.
    design = Design([str(i // 2) for i in range(2 * clusters)], (0.0, 1.0), "middle", 0.5)
    if refused:
        with pytest.raises(ConfigError, match=r"AK201 pack/rate@all could not fail even if all of its \d+ samples"):
            refuse_if_it_cannot_fail(check(bound), design, family)
    else:
        refuse_if_it_cannot_fail(check(bound), design, family)


@pytest.mark.parametrize("hits", [0, 100])
def test_an_interval_that_is_shown_only_neither_passes_nor_fails(hits: int) -> None:
    shown = share(hits, 100).model_copy(update={"shown_only": "crossed_factors"})
    finding = judge_check(check(0.5), Basis(estimates={shown.id: shown}))
    assert (finding.status, finding.cause) == ("inconclusive", "shown_only")
    assert finding.parameters["shown_only"] == "crossed_factors"
    # nor does it take a rank from those that may
    assert finding.p_value is None
