"""What things are called: statuses, parts of the rows, checks, reasons why samples have no score."""

from __future__ import annotations

from collections.abc import Iterable

from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count
from auditkit.schema import Check, Estimate, EstimateId, Finding, Reason

REASONS: tuple[Reason, ...] = ("refused", "unparsed", "cut", "tied", "errored", "not_run", "outside")
"""Reasons why a sample has no score, in the order of the glossary."""


def spaced(name: str) -> str:
    """`bias_score` → `bias score`; `race-ethnicity` stays as it is."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def joined(names: Iterable[str]) -> str:
    """`a, b and c`; empty for none."""
    texts = list(names)
    if len(texts) < 2:
        return "".join(texts)
    return say("terms.and", first=", ".join(texts[:-1]), second=texts[-1])


def status_word(finding: Finding) -> str:
    """The status in words; a failure that only warns says so, and so does an undecided check that is let pass."""
    if finding.status == "fail" and not finding.blocks:
        return say("terms.status.warning")
    return say("terms.status.let_pass" if finding.let_pass else f"terms.status.{finding.status}")


def check_word(finding: Finding | None) -> str:
    """The status of an estimate's check; `no check` where it has none."""
    return say("terms.status.no_check") if finding is None else status_word(finding)


def contrast_name(contrast: str) -> str:
    """What a contrast shows: `largest difference between groups`."""
    return say(f"terms.contrast.{contrast}")


def part_of(estimate: EstimateId) -> str:
    """Which part of the rows: `all rows`, `gender: female`, `gender: largest difference between groups`."""
    if estimate.contrast is not None:
        name = contrast_name(estimate.contrast)
        return name if estimate.axis is None else say("terms.part.contrast", axis=estimate.axis, contrast=name)
    if estimate.axis is not None and estimate.group is not None:
        return say("terms.part.group", axis=estimate.axis, group=estimate.group)
    slices = [say("terms.part.slice", key=key, value=value) for key, value in sorted(estimate.slice.items())]
    return ", ".join(slices) or say("terms.part.all")


def short_part(estimate: EstimateId) -> str:
    """The part beside others of its kind: the group, the axis of a contrast, or the value of a single slice."""
    if estimate.group is not None:
        return estimate.group
    if estimate.contrast is not None and estimate.axis is not None:
        return estimate.axis
    return next(iter(estimate.slice.values())) if len(estimate.slice) == 1 else part_of(estimate)


def with_groups(name: str, estimate: Estimate) -> str:
    """`gender (highest: female, lowest: male)`: a contrast with the groups that it lies between; else the name."""
    if estimate.between is None:
        return name
    highest, lowest = estimate.between
    return say("terms.between", name=name, highest=highest, lowest=lowest)


def metric_name(estimate: EstimateId) -> str:
    """`bias score`, and the variant of a robustness run that it was measured on."""
    metric = spaced(estimate.metric)
    return say("terms.with_variant", name=metric, variant=estimate.variant) if estimate.variant else metric


def with_arm(name: str, arm: str) -> str:
    """`accuracy, disambiguated arm`; the name alone for all arms."""
    return name if arm == "all" else say("terms.with_arm", name=name, arm=spaced(arm))


def with_bare_arm(name: str, arm: str) -> str:
    """`accuracy, disambiguated`; the name alone for all arms."""
    return name if arm == "all" else say("terms.with_bare_arm", name=name, arm=spaced(arm))


def estimate_name(estimate: EstimateId) -> str:
    """`ambiguous-qa: accuracy, disambiguated, gender: female`, without the part where it is of all rows."""
    metric = with_bare_arm(metric_name(estimate), estimate.arm)
    name = say("terms.estimate", benchmark=estimate.benchmark, metric=metric)
    return name if estimate.pooled else say("terms.estimate.with_part", estimate=name, part=part_of(estimate))


def measured(check: Check) -> str:
    """What a check looks at: `stereotype score on stereotype-pairs, pair arm, all rows`."""
    name = check.estimate
    key = "terms.check" if name.arm == "all" else "terms.check.with_arm"
    part = say("terms.part.each", keys=check.each_of) if check.each else part_of(name)
    return say(key, metric=metric_name(name), benchmark=name.benchmark, arm=spaced(name.arm), part=part)


def unscored_words(unscored: dict[Reason, int]) -> str:
    """`3 refused, 2 tied`, in the order of the glossary; `none` where all are scored."""
    parts = [
        say("terms.unscored", n=count(unscored[reason]), reason=say(f"terms.reason.{reason}"))
        for reason in REASONS if unscored.get(reason)
    ]
    return ", ".join(parts) or say("terms.all_scored")
