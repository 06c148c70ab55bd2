"""The policy that an audit is judged by, and what of it could decide nothing."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from pathlib import Path

from auditkit.judge.feasibility import Design, refuse_if_it_cannot_fail
from auditkit.judge.policies import BUILT_IN, read_policy, united
from auditkit.judge.rules import find_rule
from auditkit.load.packs import built_in_names, open_card, open_checks, published_names
from auditkit.pipeline.steps.packs import AuditedPack
from auditkit.registry import get
from auditkit.schema import Check, Config, Policy, Sample


def open_policy(name: str, packs: Sequence[str], audited: Collection[str]) -> Policy:
    """A built-in policy by name, or a policy file by path.

    Args:
        name: `default`, `packs`, or the path of a policy file.
        packs: the packs as the audit names them: names, or folders with a card.yaml.
        audited: names of the benchmarks that were audited, or that the model cannot answer. `default` keeps only their
            checks, perhaps none; a user's policy keeps all of its checks, and one that finds no estimate is an error.

    Raises:
        ConfigError: no such policy, a fault in a file, a rule that is not installed, or no blocking check in a file.
        PackError: a folder of the audit is not here, so that its checks are not known.
    """
    if name == "default":
        shipped = (*built_in_names(), *published_names())
        packs = [pack for pack in shipped if pack in audited and open_card(pack).default]
    return united(name, map(open_checks, packs)) if name in BUILT_IN else read_policy(Path(name))


def refuse_idle_checks(
    config: Config, policy: Policy, packs: Sequence[AuditedPack], applicable: Container[str]
) -> None:
    """Refuse a user's blocking checks that no answers could make fail, before the model is asked.

    Args:
        config: names the policy; of a built-in one nothing is refused.
        policy: the policy.
        packs: what is audited.
        applicable: names of the packs that the model can answer.

    Raises:
        ConfigError: naming the first such check.
    """
    if config.policy in BUILT_IN:
        return
    blocking = [check for check in policy.checks if check.severity == "block"]
    by_name = {pack.card.name: pack for pack in packs if pack.card.name in applicable}
    for check in blocking:
        if check.benchmark in by_name and (design := _design(check, by_name[check.benchmark])) is not None:
            refuse_if_it_cannot_fail(check, design, len(blocking))


def _design(check: Check, pack: AuditedPack) -> Design | None:
    """What a check will be judged on; `None` where it is not known beforehand how far answers can move the value."""
    if check.contrast or check.group or check.metric.startswith("evaluate:") or find_rule(check.rule).judge is not None:
        return None
    metric = get("metric", check.metric)
    clusters = [
        sample.clusters[pack.card.clusters[0]] for sample in pack.everything_asked if _counts(check, sample)
    ]
    if not clusters or metric.corpus is not None:
        return None
    return Design(clusters, metric.range, metric.direction, metric.ideal)


def _counts(check: Check, sample: Sample) -> bool:
    """Whether the check's estimate counts the sample."""
    return (
        check.variant == sample.variant and check.arm in ("all", sample.arm)
        and all(str(sample.metadata.get(key)) == value for key, value in check.slice.items())
    )
