"""Before the model is asked: the user's checks that no answers could make fail."""

from __future__ import annotations

from collections.abc import Container, Sequence

from auditkit.judge.feasibility import Design, refuse_if_it_cannot_fail
from auditkit.judge.policies import builtin_names
from auditkit.pipeline.steps.packs import AuditedPack
from auditkit.registry import get
from auditkit.schema import Check, Config, Policy, Sample


def refuse_idle_checks(
    config: Config, policy: Policy, packs: Sequence[AuditedPack], applicable: Container[str]
) -> None:
    """Refuse a user's blocking checks that no answers could make fail.

    Args:
        config: names the policy; built-in ones are not checked, their packs' sizes are.
        policy: the policy.
        packs: what is audited.
        applicable: names of the packs that the model can answer.

    Raises:
        ConfigError: naming the first such check.
    """
    if config.policy in builtin_names():
        return
    blocking = [check for check in policy.checks if check.severity == "block"]
    for pack in packs:
        if pack.card.name in applicable:
            for check in blocking:
                if check.benchmark == pack.card.name and not check.contrast and not check.group:
                    _refuse_if_idle(check, pack, len(blocking))


def _refuse_if_idle(check: Check, pack: AuditedPack, family: int) -> None:
    if check.metric.startswith("evaluate:"):
        return
    metric = get("metric", check.metric)
    samples = [sample for sample in pack.samples_and_variants if _concerns(check, sample)]
    # how far answers can move a statistic over the corpus is not known beforehand; modules of evaluate are such, too
    if samples and metric.corpus is None:
        clusters = [sample.clusters[pack.card.clusters[0]] for sample in samples]
        design = Design(clusters, metric.range, metric.direction, metric.ideal)
        refuse_if_it_cannot_fail(check, design, family)


def _concerns(check: Check, sample: Sample) -> bool:
    """Whether a sample counts in the estimate that a check reads."""
    return (
        check.variant == sample.variant and check.arm in ("all", sample.arm)
        and all(str(sample.metadata.get(key)) == value for key, value in check.slice.items())
    )
