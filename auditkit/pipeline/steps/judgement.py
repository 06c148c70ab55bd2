"""Findings of a policy on the estimates of an audit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from auditkit.judge.findings import judge
from auditkit.judge.threshold import Basis
from auditkit.schema import Estimate, Finding, Policy, SelfTestReading


def judge_estimates(
    policy: Policy, estimates: Sequence[Estimate], not_applicable: Mapping[str, str],
    readings: Sequence[SelfTestReading], today: dt.date,
) -> tuple[Finding, ...]:
    """Judge every check of a policy.

    Args:
        policy: its checks and waivers.
        estimates: of the audit.
        not_applicable: pack to the reason why the model cannot answer it.
        readings: of the self-test: a metric with a wrong one decides nothing.
        today: the day on which waivers are judged.
    """
    basis = Basis(
        estimates={estimate.id: estimate for estimate in estimates}, not_applicable=not_applicable,
        selftest=tuple(readings),
    )
    return judge(policy, basis, today)
