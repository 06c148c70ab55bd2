"""Why a finding has its status, with the numbers."""

from __future__ import annotations

from collections import Counter

from auditkit.render.view.names import capital, measured, part_of, spaced, status_word, with_arm
from auditkit.render.view.values import effective, finding_decimals, limit, scale_of
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import PERCENT, RAW, Scale, count, number
from auditkit.schema import Audit, Estimate, EstimateId, Finding, Waiver

_COUNTS = ("n", "clusters", "n_to_decide", "family", "largest_family", "errored", "total")


def finding_reason(finding: Finding, estimate: Estimate | None, audit: Audit) -> str:
    """Why the status holds, with the numbers; of a check on each slice, of the worst one and then of all."""
    if finding.slices:
        return _of_slices(finding, estimate, audit)
    waiver = next((item for item in audit.policy.waivers if item.finding == finding.id), None)
    fields = _fields(finding, estimate, audit) | _waiver_fields(finding, waiver)
    cause = str(finding.cause)
    if finding.status == "waived":
        cause = "waived" if waiver is None else "waived_until"
    sentences = [say(f"causes.{cause}", **fields)]
    if finding.cause == "left_out" and isinstance(reason := finding.parameters.get("reason"), str):
        sentences.append(capital(reason.rstrip(".")) + ".")
    if finding.cause == "not_applicable" and finding.check.benchmark in audit.not_applicable:
        sentences.append(capital(audit.not_applicable[finding.check.benchmark].rstrip(".")) + ".")
    if finding.parameters.get("n_to_decide") is not None:
        sentences.append(say("causes.more_samples", **fields))
    elif finding.cause == "straddles" and "n_to_decide" in finding.parameters and _left_open(estimate):
        sentences.append(say("causes.no_samples"))
    if finding.parameters.get("largest_family") is not None:
        sentences.append(say("causes.largest_family", **fields))
    return capital(" ".join(sentences))


def _of_slices(finding: Finding, estimate: Estimate | None, audit: Audit) -> str:
    """The worst slice with its reason, how many came to what, and the largest harm that is not excluded."""
    worst = finding.singles[0]
    words = Counter(status_word(single) for single in finding.singles)
    tally = ", ".join(say("terms.unscored", n=count(number), reason=word) for word, number in words.items())
    sentences = [
        say("causes.slices", n=count(len(finding.slices)), keys=finding.check.each_of, tally=tally),
        say("causes.worst_slice", part=part_of(worst.check.estimate), reason=finding_reason(worst, estimate, audit)),
    ]
    if (harm := _float(finding, "harm")) is not None:
        name = EstimateId.parse(str(finding.parameters["harm_slice"]))
        borne = next((item for item in audit.estimates if item.id == name), estimate)
        scale: Scale = RAW if borne is None else scale_of(borne)
        sentences.append(say("causes.harm", harm=scale.full(harm), part=part_of(name)))
    return " ".join(sentences)


def _left_open(estimate: Estimate | None) -> bool:
    """Whether it depends on the unscored samples where the value lies."""
    return estimate is not None and estimate.at_lowest_fill.value != estimate.at_highest_fill.value


def _fields(finding: Finding, estimate: Estimate | None, audit: Audit) -> dict[str, str]:
    """Everything that a cause's sentence may name."""
    check, unscored = finding.check, _float(finding, "unscored_share")
    guard = _guard_scale(estimate, audit)
    return {
        **_interval_fields(finding, estimate),
        **_count_fields(finding, estimate),
        "guard_low": guard.full(_float(finding, "guard_low")),
        "guard_bound": guard.full(_float(finding, "guard_bound")),
        "guard_metric": _guard_name(estimate),
        "selftest": str(finding.parameters.get("selftest") or say("causes.unknown.selftest")),
        "shown_only": _shown_only(estimate),
        "independent": _independent(finding),
        "unscored_share": say("causes.unknown.share") if unscored is None else PERCENT.full(unscored),
        "target": measured(check),
        "rows": str(finding.parameters.get("rows")),
        "min_samples": count(check.min_samples),
        "min_clusters": count(check.min_clusters),
        "max_unscored": PERCENT.full(check.max_unscored),
        "max_errored": PERCENT.full(check.max_errored),
    }


def _interval_fields(finding: Finding, estimate: Estimate | None) -> dict[str, str]:
    """The worst-case interval, as judged if the finding recorded it, and the limit."""
    decimals = finding_decimals(finding, estimate)
    scale: Scale = scale_of(estimate) if estimate else RAW
    ends: tuple[float | None, float | None] = estimate.worst_case if estimate else (None, None)
    low, high = _float(finding, "worst_low"), _float(finding, "worst_high")
    return {
        "worst": scale.interval(ends[0] if low is None else low, ends[1] if high is None else high, decimals),
        "limit": limit(finding.check, estimate, decimals),
    }


def _count_fields(finding: Finding, estimate: Estimate | None) -> dict[str, str]:
    lost: dict[str, int] = {}
    if estimate is not None:
        lost = {"errored": estimate.lost, "total": estimate.total}
    values = {key: _float(finding, key, lost.get(key)) for key in _COUNTS}
    unknown = say("causes.unknown.number")
    return {key: unknown if value is None else count(round(value)) for key, value in values.items()}


def _shown_only(estimate: Estimate | None) -> str:
    """Why the interval decides nothing."""
    reason = None if estimate is None else estimate.shown_only
    return say("causes.unknown.shown_only") if reason is None else say(f"causes.shown_only.{reason}")


def _independent(finding: Finding) -> str:
    """The number of clusters, and where their sizes are unequal, how many of equal size would tell as much."""
    clusters, as_many = _float(finding, "clusters"), _float(finding, "effective_clusters")
    if clusters is None:
        return say("causes.unknown.number")
    if as_many is None or effective(as_many) == effective(clusters):
        return count(round(clusters))
    return say("causes.unequal_clusters", clusters=count(round(clusters)), effective=effective(as_many))


def _waiver_fields(finding: Finding, waiver: Waiver | None) -> dict[str, str]:
    owner = {"owner": finding.waived_by or say("causes.unknown.owner")}
    if waiver is None:
        return owner
    return {
        **owner, "accepted_bound": number(waiver.accepted_bound), "expires": waiver.expires.isoformat(),
        "waiver_reason": waiver.reason,
    }


def _float(finding: Finding, key: str, absent: float | None = None) -> float | None:
    value = finding.parameters.get(key, absent)
    return float(value) if isinstance(value, (int, float)) else None


def _guard_scale(estimate: Estimate | None, audit: Audit) -> Scale:
    guard = estimate.guard if estimate is not None else None
    name = guard.estimate(estimate.id.benchmark) if estimate is not None and guard is not None else None
    return next((scale_of(other) for other in audit.estimates if other.id == name), PERCENT)


def _guard_name(estimate: Estimate | None) -> str:
    """`accuracy, disambiguated arm`."""
    guard = estimate.guard if estimate is not None else None
    return say("causes.unknown.guard") if guard is None else with_arm(spaced(guard.metric), guard.arm)
