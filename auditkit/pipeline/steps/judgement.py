"""Findings and verdict of a policy on what an audit holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from auditkit.judge.findings import judge
from auditkit.judge.threshold import Basis
from auditkit.judge.verdict import decide
from auditkit.schema import Benchmark, DeclaredMetric, Estimate, Finding, Policy, SelfTestReading, Verdict

MOST_ERRORED = 0.01
"""Share of errored and not-run samples above which an audit that nothing judges is incomplete."""


def judge_estimates(
    policy: Policy, estimates: Sequence[Estimate], readings: Sequence[SelfTestReading], today: dt.date, *,
    cards: Sequence[Benchmark], declared: Sequence[DeclaredMetric], not_applicable: Mapping[str, str],
    left_out: Mapping[str, str],
) -> tuple[tuple[Finding, ...], Verdict]:
    """Judge every check of a policy.

    Args:
        policy: its checks and waivers.
        estimates: of the audit.
        readings: of the self-test: a metric with a wrong one, or none, decides nothing.
        today: the day on which waivers are judged.
        cards: of the packs that were run.
        declared: what the packs of the audit declare and hold.
        not_applicable: pack to the reason why the model cannot answer it.
        left_out: pack to the reason why the user's settings leave it out.
    """
    basis = Basis(
        estimates={estimate.id: estimate for estimate in estimates}, not_applicable=not_applicable, left_out=left_out,
        selftest=tuple(readings), declared=tuple(declared), rows={card.name: card.sha256 for card in cards},
        built_in=policy.built_in,
    )
    findings = judge(policy, basis, today)
    incomplete = any(
        estimate.id.pooled and estimate.lost > MOST_ERRORED * estimate.total for estimate in estimates
    )
    return findings, decide(findings, policy, incomplete=incomplete)
