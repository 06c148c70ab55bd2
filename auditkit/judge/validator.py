"""What is wrong with a policy, said before anything runs: for an audit, a gate, and the checks that packs bring."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditkit.errors import did_you_mean
from auditkit.judge.feasibility import Design, can_fail, can_pass, rows_needed
from auditkit.judge.rules import find_rule
from auditkit.judge.threshold import declared_of, parts_of
from auditkit.registry import names
from auditkit.schema import Check, DeclaredMetric, DeclaredPart, Policy
from auditkit.schema.faults import Location


@dataclass(frozen=True)
class PolicyFault:
    """One thing that is wrong."""

    location: Location
    """Where in the policy."""
    text: str
    """What, and what to do."""


def policy_faults(
    policy: Policy, declared: Sequence[DeclaredMetric], packs: Collection[str], *, decidable: bool = True
) -> Iterator[PolicyFault]:
    """Everything that is wrong with a policy.

    Args:
        policy: its checks and waivers.
        declared: what the packs and tasks of the audit declare and hold.
        packs: names of packs that the audit leaves out.
        decidable: whether checks that no answers could make fail, or pass, are faults too.
    """
    for number, check in enumerate(policy.checks):
        faults = [*_faults(check, declared, packs)]
        if not faults and decidable:
            faults = [*_undecidable(check, declared)]
        yield from (PolicyFault(("checks", number, key), text) for key, text in faults)
    yield from _duplicates(policy, declared)
    yield from _waivers(policy, declared)


Faults = Iterator[tuple[str, str]]
"""Key of a check, and what is wrong there."""


def _faults(check: Check, declared: Sequence[DeclaredMetric], packs: Collection[str]) -> Faults:
    codes = names("rule")
    if check.rule not in codes:
        yield "rule", f'no rule is called "{check.rule}"; {_near(check.rule, codes)}'
        return
    if misuse := find_rule(check.rule).misuse(check):
        yield "rule", f"it cannot speak of {misuse}; AK100 speaks of any"
    benchmarks = list(dict.fromkeys(metric.benchmark for metric in declared))
    if check.benchmark not in benchmarks:
        if check.benchmark not in packs:
            near = _near(check.benchmark, [*benchmarks, *packs])
            yield "benchmark", f'"{check.benchmark}" is no pack or task; {near}'
        return
    metric = declared_of(declared, check.estimate)
    if metric is None:
        yield _no_metric(check, [metric for metric in declared if metric.benchmark == check.benchmark])
        return
    yield from _no_part(check, metric)
    yield from _bound(check, metric)


def _no_metric(check: Check, metrics: Sequence[DeclaredMetric]) -> tuple[str, str]:
    arms = [metric.arm for metric in metrics if metric.metric == check.metric]
    if arms:
        return "arm", f'{check.metric} is not measured on an arm "{check.arm}"; {_near(check.arm, arms)}'
    measured = list(dict.fromkeys(metric.metric for metric in metrics))
    return "metric", f'{check.benchmark} does not measure "{check.metric}"; {_near(check.metric, measured)}'


def _no_part(check: Check, metric: DeclaredMetric) -> Faults:
    """Variant, slice, axis, group or contrast that the metric does not have."""
    if check.variant and check.variant not in metric.variants:
        asked = _near(check.variant, metric.variants) if metric.variants else "set robustness to ask variants"
        yield "variant", f'no variant "{check.variant}" is asked; {asked}'
    if check.contrast == "difference" and not check.variant:
        yield "contrast", "difference is between a variant and the clean samples; give a variant"
    if metric.made_of and not check.contrast:
        yield "contrast", f"{check.metric} is a contrast between groups; give axis and contrast"
        return
    if check.variant:
        if check.slice or check.axis:
            yield "variant", "variants are measured on all rows; leave out slice, axis and group"
        return
    if check.each:
        yield from _no_slices(check, metric)
    elif check.slice:
        yield from _no_slice(check, metric)
    elif check.axis:
        yield from _no_group(check, metric)


def _no_slices(check: Check, metric: DeclaredMetric) -> Faults:
    if parts_of(check, metric):
        return
    slicings = [", ".join(keys) for keys in metric.slices]
    options = [*slicings, *(["group"] if any(metric.groups) else [])]
    wanted = check.each if isinstance(check.each, str) else ", ".join(check.each)
    yield "each", f'the card of {check.benchmark} does not slice {check.metric} by "{wanted}"; {_near(wanted, options)}'


def _no_slice(check: Check, metric: DeclaredMetric) -> Faults:
    slicings = [keys for keys in metric.slices if {*keys} == check.slice.keys()]
    if not slicings:
        wanted, options = ", ".join(check.slice), [", ".join(keys) for keys in metric.slices]
        yield "slice", f'the card does not slice {check.metric} by "{wanted}"; {_near(wanted, options)}'
        return
    if any(part.slice == check.slice for part in metric.parts):
        return
    for key, value in check.slice.items():
        values = list(dict.fromkeys(part.slice[key] for part in metric.parts if key in part.slice))
        if value not in values:
            yield "slice", f'no row has {key}: "{value}"; {_near(value, values)}'
            return
    yield "slice", f"no row is in the slice {check.slice}"


def _no_group(check: Check, metric: DeclaredMetric) -> Faults:
    axes = list(dict.fromkeys([*(part.axis for part in metric.parts if part.axis), *dict(metric.contrasts)]))
    if check.axis not in axes:
        yield "axis", f'{check.metric} has no groups on an axis "{check.axis}"; {_near(check.axis or "", axes)}'
    elif check.contrast and (check.axis, check.contrast) not in metric.contrasts:
        options = [contrast for axis, contrast in metric.contrasts if axis == check.axis]
        yield "contrast", f"{check.metric} has no {check.contrast} on {check.axis}; {_near(check.contrast, options)}"
    elif check.group is not None:
        groups = [part.group or "" for part in metric.parts if part.axis == check.axis]
        if check.group not in groups:
            yield "group", f'no row names a group "{check.group}" of {check.axis}; {_near(check.group, groups)}'


def _bound(check: Check, metric: DeclaredMetric) -> Faults:
    """A bound that every value clears, or none."""
    low, high = metric.range
    if check.contrast == "gap":
        low, high = 0.0, high - low
    elif check.contrast == "smallest_ratio":
        low, high = 0.0, 1.0
    elif check.contrast == "difference":
        low, high = 0.0, high - low
    elif metric.direction == "middle":
        ideal = 0.0 if metric.ideal is None else metric.ideal
        low, high = 0.0, max(high - ideal, ideal - low)
    if not low < check.bound < high:
        yield "bound", f"{check.bound:g} decides nothing: give one between {low:g} and {high:g}, the ends left out"


def _undecidable(check: Check, declared: Sequence[DeclaredMetric]) -> Faults:
    """A blocking check that no answers to all rows of the pack could make fail, or pass."""
    if check.severity != "block":
        return
    for part_check, metric, part in designs(check, declared):
        design = Design.of(metric, part)
        size = f"{design.rows} rows in {design.clusters} clusters"
        for test, word in ((can_pass, "pass"), (_can_fail_alone, "fail")):
            if test(part_check, design):
                continue
            needed = rows_needed(part_check, design, test)
            remedy = "no number of rows helps" if needed is None else f"it would need about {needed}"
            yield "bound", (
                f"{part_check.finding} could not {word} whatever the answers: the whole pack holds {size}, and "
                f"{remedy}; move the bound, or let it only warn"
            )
            return


def _can_fail_alone(check: Check, design: Design) -> bool:
    return can_fail(check, design)


def designs(
    check: Check, declared: Sequence[DeclaredMetric]
) -> Iterator[tuple[Check, DeclaredMetric, DeclaredPart]]:
    """The parts of the rows that a check is judged on, each with the check of that part; none where it is not known
    beforehand how far answers can move the value."""
    metric = declared_of(declared, check.estimate)
    if metric is None or not metric.mean or check.contrast or check.variant or find_rule(check.rule).judge is not None:
        return
    parts = parts_of(check, metric) if check.each else [
        part for part in metric.parts if metric.id(part) == check.estimate
    ]
    for part in parts:
        yield check.of(metric.id(part)), metric, part


def family_of(checks: Iterable[Check], declared: Sequence[DeclaredMetric]) -> int:
    """How many slices the blocking checks stand for on the whole packs."""
    total = 0
    for check in checks:
        metric = declared_of(declared, check.estimate) if check.each else None
        total += (1 if metric is None else len(parts_of(check, metric))) if check.severity == "block" else 0
    return total


def _duplicates(policy: Policy, declared: Sequence[DeclaredMetric]) -> Iterator[PolicyFault]:
    """Checks of the same estimate that differ in nothing that matters, by whichever rule."""
    seen: dict[tuple[str, frozenset[str], str, float | None], int] = {}
    for number, check in enumerate(policy.checks):
        each = frozenset([check.each] if isinstance(check.each, str) else check.each)
        name = str(check.estimate)
        for key in ((name, each, check.severity, None), (name, each, check.rule, None)):
            first = seen.setdefault(key, number)
            if first != number:
                what = f"it bounds {name} again, as checks.{first} does; keep one of them"
                yield PolicyFault(("checks", number, "metric"), what)
                break


def _waivers(policy: Policy, declared: Sequence[DeclaredMetric]) -> Iterator[PolicyFault]:
    """Waivers that name no finding of the policy, or all slices of one."""
    ids: dict[str, Check] = {}
    for check in policy.checks:
        metric = declared_of(declared, check.estimate)
        if check.each and metric is not None:
            ids |= {check.of(metric.id(part)).finding: check for part in parts_of(check, metric)}
        elif check.each:
            return  # the slices of a pack that was left out are not known
        else:
            ids[check.finding] = check
    whole = {check.finding for check in policy.checks if check.each}
    for number, waiver in enumerate(policy.waivers):
        if waiver.finding in whole:
            text = f"a waiver names one slice, such as {next(iter(ids))}"
            yield PolicyFault(("waivers", number, "finding"), text)
        elif waiver.finding not in ids:
            text = f'no check has the finding "{waiver.finding}"; {_near(waiver.finding, ids)}'
            yield PolicyFault(("waivers", number, "finding"), text)
        elif (metric := declared_of(declared, ids[waiver.finding].estimate)) is not None:
            accepted = ids[waiver.finding].model_copy(update={"bound": waiver.accepted_bound})
            for _, text in _bound(accepted, metric):
                yield PolicyFault(("waivers", number, "accepted_bound"), text)


def _near(word: str, words: Iterable[str]) -> str:
    valid = list(dict.fromkeys(words))
    listed = ", ".join(valid[:12]) + (" …" if len(valid) > 12 else "")
    return did_you_mean(word, valid, f"there is {listed}" if valid else "there is none", cutoff=0.6)
