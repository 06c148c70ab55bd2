"""A check on each slice is one finding: it names the worst, lists all, and tells the largest harm not excluded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from auditkit.schema import Check, Finding, Parameters, SliceFinding, Status

RANK: dict[Status, int] = {
    "fail": 0, "error": 1, "inconclusive": 2, "not_run": 3, "not_applicable": 4, "waived": 5, "pass": 6,
}
"""The worst first: the check's own status is that of its worst slice."""


def combined(check: Check, parts: Sequence[Finding]) -> Finding:
    """The finding of a check from those of its slices.

    Args:
        check: with `each`.
        parts: a finding for each slice, at least one.
    """
    ordered = sorted(parts, key=_order)
    worst = ordered[0]
    measured = [part for part in parts if part.estimates]
    return Finding(
        id=check.finding, rule=check.rule, status=worst.status, cause=worst.cause, check=check,
        parameters={**worst.parameters, **_harm(measured)}, estimates=tuple(part.check.estimate for part in ordered),
        evidence=worst.evidence, p_value=worst.p_value, waived_by=worst.waived_by,
        slices=tuple(
            SliceFinding(
                estimate=part.check.estimate, status=part.status, cause=part.cause, parameters=part.parameters,
                p_value=part.p_value, waived_by=part.waived_by,
            )
            for part in ordered
        ),
    )


def harm_of(finding: Finding) -> float | None:
    """How far an estimate may lie from its best value: the unfavourable end of its worst-case interval, as a multiple
    of the distance that the bound allows; `None` where it has no interval."""
    return max((_distance(end, finding.parameters) for end in _unfavourable(finding.parameters)), default=None)


def _order(part: Finding) -> tuple[int, float, float, str]:
    harm = harm_of(part)
    return (
        RANK[part.status], 1.0 if part.p_value is None else part.p_value, -math.inf if harm is None else -harm, part.id
    )


def _unfavourable(parameters: Parameters) -> list[float]:
    """The ends of the worst-case interval on the sides where the region ends."""
    sides = (("allowed_low", "worst_low"), ("allowed_high", "worst_high"))
    return [
        float(end) for limit, name in sides
        if parameters.get(limit) is not None and isinstance(end := parameters.get(name), (int, float))
    ]


def _distance(end: float, parameters: Parameters) -> float:
    """From the best value, in units of the allowed distance."""
    best = parameters.get("best")
    limits = [parameters.get(name) for name in ("allowed_low", "allowed_high")]
    origin = float(best) if isinstance(best, (int, float)) else 0.0
    allowed = max((abs(limit - origin) for limit in limits if isinstance(limit, (int, float))), default=0.0)
    return abs(end - origin) / allowed if allowed else math.inf


def _harm(parts: Sequence[Finding]) -> Parameters:
    """The largest harm that is not excluded, and the slice that may bear it."""
    harms = [(harm, part) for part in parts if (harm := harm_of(part)) is not None]
    if not harms:
        return {}
    _, part = max(harms, key=lambda item: (item[0], item[1].id))
    end = max(_unfavourable(part.parameters), key=lambda end: _distance(end, part.parameters))
    return {"harm": end, "harm_slice": str(part.check.estimate)}
