"""The one threshold function: estimates and a check to a finding.

An interval is compared with a bound at its unfavourable end, recomputed as if every unscored sample had gone the
unfavourable way (the worst-case interval from the lower limit at the lowest fill to the upper limit at the
highest fill).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from auditkit.schema import (
    Cause,
    Check,
    DeclaredMetric,
    DeclaredPart,
    Estimate,
    EstimateId,
    Finding,
    Parameters,
    Region,
    SelfTestReading,
    Status,
)
from auditkit.stats.intervals import interval, p_value, worst_case
from auditkit.stats.power import n_to_decide

Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Basis:
    """What a check is judged on."""

    estimates: Mapping[EstimateId, Estimate]
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    """Benchmark to the reason why the model cannot answer it."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Benchmark to the reason why the user's settings leave it out."""
    selftest: tuple[SelfTestReading, ...] = ()
    declared: tuple[DeclaredMetric, ...] = ()
    """What the packs of the audit declare and hold."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """Benchmark that was audited to the sha256 of its rows."""
    built_in: bool = False
    """Whether the policy is a built-in one: what was left out of the audit is then not run, else an error."""

    def declared_of(self, check: Check) -> DeclaredMetric | None:
        """The metric and arm that a check is about, as the audit's packs declare it."""
        return declared_of(self.declared, check.estimate)

    def slices(self, check: Check) -> tuple[EstimateId, ...]:
        """The slices of the whole pack that a check with `each` stands for; none where the pack was not audited."""
        metric = self.declared_of(check)
        return () if metric is None else tuple(metric.id(part) for part in parts_of(check, metric))


def declared_of(declared: Iterable[DeclaredMetric], name: EstimateId) -> DeclaredMetric | None:
    """The metric and arm that an estimate is of; `None` where no pack of the audit declares it."""
    wanted = (name.benchmark, name.metric, name.arm)
    return next((item for item in declared if (item.benchmark, item.metric, item.arm) == wanted), None)


def parts_of(check: Check, metric: DeclaredMetric) -> tuple[DeclaredPart, ...]:
    """The parts of the whole pack that a check with `each` stands for."""
    return tuple(metric.groups if isinstance(check.each, str) else metric.sliced(check.each))


def judge_check(check: Check, basis: Basis) -> Finding:
    """Judge one check of one estimate alone; Holm comes after, over the family.

    Tests, first match wins: error, not applicable, wrong or absent self-test reading, an interval that may not decide,
    undefined, too few samples or clusters, fail, too many unscored, guard, pass, inconclusive.
    """
    name = check.estimate
    estimate = basis.estimates.get(name)
    if check.rows_sha256 and basis.rows.get(check.benchmark, check.rows_sha256) != check.rows_sha256:
        return _unmeasured(check, "error", "other_rows", {"rows": basis.rows[check.benchmark][:12]})
    if estimate is not None and estimate.not_applicable is not None:
        return _unmeasured(check, "not_applicable", "not_applicable", {"reason": estimate.not_applicable})
    if check.each or estimate is None or estimate.total == 0:
        return _absent(check, basis)
    region = check.region(estimate)
    worst = worst_case(estimate, check.level)
    parameters = _parameters(check, estimate, region, worst)
    status, cause = _status(check, estimate, region, worst, basis, parameters)
    return Finding(
        id=check.finding, rule=check.rule, status=status, cause=cause, check=check, parameters=parameters,
        estimates=(name,), evidence=estimate.cited.extreme, p_value=_p_of_failure(estimate, region, status),
    )


def _absent(check: Check, basis: Basis) -> Finding:
    """A check whose estimate the audit does not hold, or that is of no row."""
    if check.benchmark in basis.not_applicable:
        reason = basis.not_applicable[check.benchmark]
        return _unmeasured(check, "not_applicable", "not_applicable", {"reason": reason})
    metric = basis.declared_of(check)
    if check.benchmark in basis.left_out or metric is None:
        why = basis.left_out.get(check.benchmark)
        return _unmeasured(check, "not_run" if basis.built_in else "error", "left_out", {"reason": why})
    is_declared = any(metric.id(part) == check.estimate for part in metric.parts)
    if not check.each and (is_declared or (check.axis, check.contrast) in metric.contrasts):
        # --limit reached none of its rows, or too few of every group but one
        return _unmeasured(check, "inconclusive", "not_sampled", {"bound": check.bound})
    return _unmeasured(check, "error", "no_estimate", {"bound": check.bound})


def _unmeasured(check: Check, status: Status, cause: Cause, parameters: Parameters) -> Finding:
    return Finding(
        id=check.finding, rule=check.rule, status=status, cause=cause, check=check, parameters=parameters
    )


def _status(
    check: Check, estimate: Estimate, region: Region, worst: Limits, basis: Basis, parameters: Parameters
) -> tuple[Status, Cause]:
    if estimate.lost > check.max_errored * estimate.total:
        return "error", "errored"
    if cause := _untested(check, basis, parameters):
        return "inconclusive", cause
    if estimate.shown_only is not None:
        parameters["shown_only"] = estimate.shown_only
        return "inconclusive", "shown_only"
    if estimate.value is None:
        return "inconclusive", "undefined"
    if estimate.n < check.min_samples:
        return "inconclusive", "too_few_samples"
    if estimate.effective_clusters < check.min_clusters - 1e-9:
        return "inconclusive", "too_few_clusters"
    if region.misses(*worst):
        return "fail", "missed"
    if estimate.unanswered_share > check.max_unscored:
        return "inconclusive", "too_many_unscored"
    # These add to the parameters the numbers that the finding's message shows.
    if _guarded(check, estimate, basis, parameters):
        return "inconclusive", "guard"
    if not region.holds(*worst):
        parameters["n_to_decide"] = n_to_decide(estimate, low=region.low, high=region.high, level=check.level)
        return "inconclusive", "straddles"
    return "pass", "cleared"


def _untested(check: Check, basis: Basis, parameters: Parameters) -> Cause | None:
    """Why the metric may not decide: it, or one of those that it is made of, misread a planted model on the rows of
    this estimate, or read none."""
    metric, name = basis.declared_of(check), check.estimate.clean
    made_of = metric.made_of if metric is not None else ()
    tested = [name.model_copy(update={"metric": part}) for part in made_of] or [name]
    readings = [[reading for reading in basis.selftest if reading.estimate == part] for part in tested]
    wrong = [reading.planted for members in readings for reading in members if not reading.ok]
    if wrong:
        parameters["selftest"] = ", ".join(sorted({*wrong}))
        return "selftest"
    return None if all(readings) else "no_selftest"


def _guarded(check: Check, estimate: Estimate, basis: Basis, parameters: Parameters) -> bool:
    """Whether the guard that the estimate was measured with withholds a pass."""
    guard = estimate.guard
    if guard is None:
        return False
    guarding = basis.estimates.get(guard.estimate(check.benchmark))
    low = worst_case(guarding, check.level)[0] if guarding is not None else None
    parameters |= {"guard_low": low, "guard_bound": guard.bound}
    return low is None or low <= guard.bound


def _p_of_failure(estimate: Estimate, region: Region, status: Status) -> float | None:
    """One-sided p against the bound that was missed, at the favourable fill; `None` where there is none to decide."""
    if status == "error" or estimate.shown_only is not None:
        return None
    tails = []
    if region.high is not None and estimate.at_lowest_fill.spread is not None:
        tails.append(p_value(estimate.at_lowest_fill.spread, region.high, "above"))
    if region.low is not None and estimate.at_highest_fill.spread is not None:
        tails.append(p_value(estimate.at_highest_fill.spread, region.low, "below"))
    return min(tails, default=None)


def _parameters(check: Check, estimate: Estimate, region: Region, worst: Limits) -> Parameters:
    low, high = interval(estimate.spread, check.level) if estimate.spread else (None, None)
    return {
        "value": estimate.value, "low": low, "high": high, "worst_low": worst[0], "worst_high": worst[1],
        "bound": check.bound, "allowed_low": region.low, "allowed_high": region.high, "n": estimate.n,
        "clusters": estimate.clusters, "effective_clusters": estimate.effective_clusters,
        "min_samples": check.min_samples, "min_clusters": check.min_clusters,
        "unscored_share": estimate.unanswered_share, "max_unscored": check.max_unscored, "level": check.level,
        "best": estimate.ideal if estimate.direction == "middle" else estimate.range[estimate.direction == "higher"],
        "max_errored": check.max_errored, "errored": estimate.lost, "total": estimate.total,
    }
