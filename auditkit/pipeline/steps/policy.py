"""The policy that an audit is judged by, and what of it the chosen size cannot decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from auditkit.errors import ConfigError
from auditkit.judge.feasibility import Design, can_fail, can_pass, rows_needed
from auditkit.judge.policies import BUILT_IN, read_policy, refuse, united
from auditkit.judge.validator import designs, family_of, policy_faults
from auditkit.load.packs import built_in_names, open_card, open_checks, published_names
from auditkit.measure.declared import declared
from auditkit.pipeline.steps.packs import AuditedPack
from auditkit.schema import Benchmark, Check, DeclaredMetric, PackChecks, Policy
from auditkit.schema.event import Event, OnEvent

LISTED = 3
"""Most checks that a line names."""


def open_policy(name: str, packs: Sequence[str], declared: Sequence[DeclaredMetric]) -> Policy:
    """A built-in policy by name, or a policy file by path, refused where it could not decide what it says.

    Args:
        name: `default`, `packs`, `none`, or the path of a policy file.
        packs: the packs as the audit names them: names, or folders with a card.yaml.
        declared: what the packs and tasks of the audit declare and hold. The policy keeps its checks of other packs.

    Raises:
        ConfigError: no such policy, or a fault in it.
        PackError: a folder of the audit is not here, so that its checks are not known.
    """
    shipped = {*built_in_names(), *published_names()}
    if name not in BUILT_IN:
        path = Path(name)
        policy = read_policy(path)
        refuse(policy_faults(policy, declared, shipped), path)
        return policy.model_copy(update={"family": family_of(policy.checks, declared)})
    shares = [*_shares(name, packs)]
    policy = united(name, shares)
    refuse(policy_faults(policy, declared, shipped, decidable=False), f"policy {name}")
    return policy.model_copy(update={"family": sum(_family(card, share, declared) for card, share in shares)})


def _shares(name: str, packs: Sequence[str]) -> Iterator[tuple[Benchmark, PackChecks]]:
    """Card and checks of the packs whose checks a built-in policy joins."""
    if name == "packs":
        yield from ((open_card(pack), open_checks(pack)) for pack in packs)
    elif name == "default":
        cards = ((pack, open_card(pack)) for pack in (*built_in_names(), *published_names()))
        yield from ((card, open_checks(pack)) for pack, card in cards if card.default)


def _family(card: Benchmark, share: PackChecks, declared: Sequence[DeclaredMetric]) -> int:
    """How many slices a pack's blocking checks stand for: counted where it is audited, else as it says.

    Raises:
        ConfigError: it says another number.
    """
    arms = {(metric.metric, metric.arm) for metric in declared if metric.benchmark == card.name}
    if not arms:
        return share.slices or family_of(share.checks, ())
    counted = family_of(share.checks, declared)
    if share.slices and counted != share.slices and arms >= {(use.metric, use.arm) for use in card.metrics}:
        raise ConfigError(f'{card.name}/checks.yaml: "slices": its blocking checks have {counted}; write that')
    return counted


def tell_undecided(
    policy: Policy, packs: Sequence[AuditedPack], on_event: OnEvent, size: str | None = None
) -> None:
    """Say, before the model is asked, which blocking checks the rows that will run cannot decide.

    Args:
        policy: the policy.
        packs: what is audited.
        on_event: called with one event for what cannot pass, and one for what cannot fail.
        size: the name of the size, if one was chosen; an event then says how much of the policy it decides.
    """
    sampled = [metric for pack in packs for metric in declared(pack.card, (*pack.samples, *pack.guards))]
    family = policy.family or len(policy.checks)
    open_ones: list[tuple[Check, Design]] = []
    unmissable: list[Check] = []
    total = absent = 0
    blocking = [check for check in policy.checks if check.severity == "block"]
    for check in blocking:
        whole = {part_check.finding for part_check, _, _ in designs(check, _all(packs))}
        total += len(whole)
        for part_check, metric, part in designs(check, sampled):
            design = Design.of(metric, part)
            whole.discard(part_check.finding)
            if not can_pass(part_check, design):
                open_ones.append((part_check, design))
            elif not can_fail(part_check, design, family):
                unmissable.append(part_check)
        absent += len(whole)
        if whole:
            on_event(Event("load", f"{_count(len(whole), 'slice')} of {check.finding} has no row among those asked: "
                                   f"undecided ({_listed(sorted(whole))})"))
    name = f"size {size}" if size else "this size"
    if size:
        decided = total - absent - len(open_ones) - len(unmissable)
        on_event(Event("load", f"{name}: can decide {decided} of {_count(total, 'blocking check')}, slices counted"))
    _tell(open_ones, unmissable, family, name, on_event)


def _tell(
    open_ones: Sequence[tuple[Check, Design]], unmissable: Sequence[Check], family: int, size: str, on_event: OnEvent
) -> None:
    if open_ones:
        names = _listed([check.finding for check, _ in open_ones])
        on_event(Event("load", f"{_count(len(open_ones), 'check')} cannot pass at {size}, and stay undecided: "
                               f"{names}{_remedy(open_ones)}"))
    if unmissable:
        names = _listed([check.finding for check in unmissable])
        on_event(Event("load", f"{_count(len(unmissable), 'check')} cannot fail at {size} after the correction for "
                               f"a family of {family}: a failure stays undecided ({names})"))


def _all(packs: Sequence[AuditedPack]) -> list[DeclaredMetric]:
    return [metric for pack in packs for metric in pack.declared]


def _remedy(undecided: Sequence[tuple[Check, Design]]) -> str:
    """How much larger a limit would do, where one would."""
    factors = []
    for check, design in undecided:
        needed = rows_needed(check, design, can_pass)
        if needed is None or not design.rows:
            return ""
        factors.append(needed / design.rows)
    return f"; about {max(factors):.1f} times the rows would do (--limit, --size)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
