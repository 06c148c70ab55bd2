"""The one threshold function: estimates and a check to a finding.

An interval is compared with a bound at its unfavourable end, recomputed as if every unscored sample had gone the
unfavourable way (the worst-case interval from the lower limit at the lowest fill to the upper limit at the
highest fill).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditkit.schema import Cause, Check, Direction, Estimate, Finding, SelfTestReading, Status
from auditkit.stats.intervals import interval, p_value
from auditkit.stats.power import n_to_decide

Guard = tuple[str, str, float]
"""Metric, arm and the bound that its lower limit must clear before a pass counts."""


@dataclass(frozen=True)
class Evidence:
    """What a check is judged on."""

    estimates: Mapping[str, Estimate]
    """By id."""
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    """Benchmark to the reason why the model cannot answer it."""
    selftest: tuple[SelfTestReading, ...] = ()
    guards: Mapping[str, Guard] = field(default_factory=dict)
    """Metric to its guard."""


@dataclass(frozen=True)
class Region:
    """Where a value may lie. Open ends are `None`."""

    low: float | None
    high: float | None

    @classmethod
    def of(cls, check: Check, estimate: Estimate) -> Region:
        """The region that a check allows for an estimate."""
        return cls.of_direction(check.bound, estimate.direction, estimate.ideal)

    @classmethod
    def of_direction(cls, bound: float, direction: Direction, ideal: float | None) -> Region:
        """The region that a bound allows; around the ideal where it lies in the middle."""
        if direction == "lower":
            return cls(None, bound)
        if direction == "higher":
            return cls(bound, None)
        middle = ideal if ideal is not None else 0.0
        return cls(middle - bound, middle + bound)

    def holds(self, low: float | None, high: float | None) -> bool:
        """Whether an interval lies wholly inside; an unbounded end never does."""
        above = self.low is None or (low is not None and low > self.low)
        below = self.high is None or (high is not None and high < self.high)
        return above and below

    def misses(self, low: float | None, high: float | None) -> bool:
        """Whether an interval lies wholly outside."""
        too_high = self.high is not None and low is not None and low > self.high
        too_low = self.low is not None and high is not None and high < self.low
        return too_high or too_low


def estimate_id(check: Check) -> str:
    """Id of the estimate that a check is about."""
    parts = [f"{check.benchmark}/{check.metric}@{check.arm}"]
    parts += [f"[{key}={value}]" for key, value in sorted(check.slice.items())]
    if check.axis is not None:
        parts.append(f"[{check.axis}:{check.contrast or check.group}]")
    elif check.contrast is not None:
        parts.append(f"[{check.contrast}]")
    return "".join(parts)


def judge_check(check: Check, evidence: Evidence) -> Finding:
    """Judge one check alone; Holm comes after, over the family.

    Tests, first match wins: error, not applicable, fail, too few samples or clusters, too many unscored, undefined,
    wrong self-test reading, guard, pass, inconclusive.
    """
    name = estimate_id(check)
    estimate = evidence.estimates.get(name)
    if estimate is None and check.benchmark in evidence.not_applicable:
        reason = evidence.not_applicable[check.benchmark]
        return _finding(check, name, "not_applicable", "not_applicable", {"reason": reason})
    if estimate is None or estimate.total == 0:
        return _finding(check, name, "error", "no_estimate", {"bound": check.bound})
    region = Region.of(check, estimate)
    worst_low, worst_high = worst_case(estimate, check.level)
    parameters = _parameters(check, estimate, region, worst_low, worst_high)
    status, cause = _status(check, estimate, region, (worst_low, worst_high), evidence, parameters)
    return Finding(
        id=f"{check.rule} {name}", rule=check.rule, status=status, cause=cause, check=check, parameters=parameters,
        estimates=(name,), evidence=estimate.cited.extreme, p_value=_p_of_failure(estimate, region, status),
    )


def worst_case(estimate: Estimate, level: float) -> tuple[float | None, float | None]:
    """Lower limit at the lowest fill and upper limit at the highest fill; `None` is unbounded or undefined."""
    low = interval(estimate.at_lowest_fill.spread, level)[0] if estimate.at_lowest_fill.spread else None
    high = interval(estimate.at_highest_fill.spread, level)[1] if estimate.at_highest_fill.spread else None
    return low, high


def _status(
    check: Check, estimate: Estimate, region: Region, worst: tuple[float | None, float | None],
    evidence: Evidence, parameters: dict[str, float | int | str | None],
) -> tuple[Status, Cause]:
    lost = estimate.unscored.get("errored", 0) + estimate.unscored.get("not_run", 0)
    if lost > check.max_errored * estimate.total:
        return "error", "errored"
    if region.misses(*worst) and estimate.clusters >= 2:
        return "fail", "missed"
    if estimate.value is None:
        return "inconclusive", "undefined"
    if estimate.n < check.min_samples:
        return "inconclusive", "too_few_samples"
    if estimate.clusters < check.min_clusters:
        return "inconclusive", "too_few_clusters"
    if unscored_share(estimate) > check.max_unscored:
        return "inconclusive", "too_many_unscored"
    if _misread(check, evidence.selftest, parameters):
        return "inconclusive", "selftest"
    if not region.holds(*worst):
        parameters["n_to_decide"] = n_to_decide(estimate, low=region.low, high=region.high, level=check.level)
        return "inconclusive", "straddles"
    if _guarded(check, evidence, parameters):
        return "inconclusive", "guard"
    return "pass", "cleared"


def unscored_share(estimate: Estimate) -> float:
    """Share of samples that were asked and gave no score (refused, unparsed, tied), 0 to 1."""
    missing = sum(estimate.unscored.get(reason, 0) for reason in ("refused", "unparsed", "tied"))
    asked = estimate.total - estimate.unscored.get("outside", 0)
    return missing / asked if asked else 0.0


def _misread(
    check: Check, selftest: tuple[SelfTestReading, ...], parameters: dict[str, float | int | str | None]
) -> bool:
    key = (check.benchmark, check.metric, check.arm)
    wrong = [r.planted for r in selftest if (r.benchmark, r.metric, r.arm) == key and not r.ok]
    if wrong:
        parameters["selftest"] = ", ".join(sorted(wrong))
    return bool(wrong)


def _guarded(check: Check, evidence: Evidence, parameters: dict[str, float | int | str | None]) -> bool:
    guard = evidence.guards.get(check.metric)
    if guard is None:
        return False
    metric, arm, bound = guard
    found = evidence.estimates.get(f"{check.benchmark}/{metric}@{arm}")
    low = worst_case(found, check.level)[0] if found is not None else None
    parameters |= {"guard_metric": f"{metric}@{arm}", "guard_low": low, "guard_bound": bound}
    return low is None or low <= bound


def _p_of_failure(estimate: Estimate, region: Region, status: Status) -> float | None:
    """One-sided p against the bound that was missed, at the favourable fill; `None` where undefined."""
    if status == "error":
        return None
    tails = []
    if region.high is not None and estimate.at_lowest_fill.spread is not None:
        tails.append(p_value(estimate.at_lowest_fill.spread, region.high, "above"))
    if region.low is not None and estimate.at_highest_fill.spread is not None:
        tails.append(p_value(estimate.at_highest_fill.spread, region.low, "below"))
    return min(tails, default=None)


def _parameters(
    check: Check, estimate: Estimate, region: Region, worst_low: float | None, worst_high: float | None
) -> dict[str, float | int | str | None]:
    low, high = interval(estimate.spread, check.level) if estimate.spread else (None, None)
    return {
        "value": estimate.value, "low": low, "high": high, "worst_low": worst_low, "worst_high": worst_high,
        "bound": check.bound, "allowed_low": region.low, "allowed_high": region.high, "n": estimate.n,
        "clusters": estimate.clusters, "min_samples": check.min_samples, "min_clusters": check.min_clusters,
        "unscored_share": unscored_share(estimate), "max_unscored": check.max_unscored, "level": check.level,
        "max_errored": check.max_errored,
        "errored": estimate.unscored.get("errored", 0) + estimate.unscored.get("not_run", 0),
        "total": estimate.total,
    }


def _finding(
    check: Check, name: str, status: Status, cause: Cause, parameters: dict[str, float | int | str | None]
) -> Finding:
    return Finding(
        id=f"{check.rule} {name}", rule=check.rule, status=status, cause=cause, check=check, parameters=parameters
    )
