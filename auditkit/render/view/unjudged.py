"""What no check judges: rows without a group or label, small groups, checks not run, metrics without a self-test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from auditkit.render.words.catalogue import plural, say
from auditkit.schema import CROSSED, PLAUSIBILITY, UNKNOWN, Audit, Benchmark, Task

LISTED = 3
"""Most parts of rows that are listed."""
MOST_GROUPS = 8
"""Most small groups of an axis that are listed."""


def left_unjudged(audit: Audit) -> tuple[str, ...]:
    """A sentence each, for the page and the terminal."""
    groups = (*_groups(audit), *_unrated(audit), *_crossings(audit))
    return (*groups, *_unlabelled(audit), *_not_run(audit), *_untested(audit))


def _groups(audit: Audit) -> Iterator[str]:
    """Rows that name no group, and groups too small to be compared, an axis each."""
    smallest = {card.name: card.smallest_group for card in audit.benchmarks}
    for (benchmark, axis), sizes in _group_sizes(audit).items():
        unnamed, least = sizes.get(UNKNOWN, 0), smallest.get(benchmark, 1)
        if unnamed and CROSSED not in axis:  # a crossing lacks what one of its axes lacks
            total = str(sum(sizes.values()))
            yield say("unjudged.no_group", benchmark=benchmark, n=str(unnamed), total=total, axis=axis)
        small = [
            say("unjudged.small_group", group=group, n=str(rows))
            for group, rows in sizes.items() if group != UNKNOWN and rows < least
        ]
        if small:
            more = [say("unjudged.more_groups", n=str(len(small) - MOST_GROUPS))] if small[MOST_GROUPS:] else []
            named = ", ".join([*small[:MOST_GROUPS], *more])
            yield say("unjudged.small_groups", benchmark=benchmark, axis=axis, groups=named, least=str(least))


def _unrated(audit: Audit) -> Iterator[str]:
    """Classes whose error rates are not measured, since a task has many and does not say which matter."""
    for task, card in _tasks(audit):
        rated = {use.metric.partition(":")[2] for use in card.metrics if use.metric.startswith("selection_rate:")}
        left = [choice.label for choice in card.choices if choice.label not in rated]
        if left and rated and not task.positive:
            named = ", ".join(left[:MOST_GROUPS]) + (" …" if left[MOST_GROUPS:] else "")
            yield say("unjudged.unrated", benchmark=card.name, n=str(len(left)), total=str(len(card.choices)),
                      classes=named)


def _crossings(audit: Audit) -> Iterator[str]:
    """Pairs of axes whose crossing would have too many groups."""
    for task, card in _tasks(audit):
        for pair in combinations(task.groups, 2):
            if CROSSED.join(pair) not in card.groups:
                yield say("unjudged.crossing", benchmark=card.name, axis=CROSSED.join(pair))


def _tasks(audit: Audit) -> Iterator[tuple[Task, Benchmark]]:
    """The audit's tasks with their cards."""
    cards = {card.name: card for card in audit.benchmarks}
    return ((task, cards[task.name]) for task in audit.config.tasks if task.name in cards)


def _group_sizes(audit: Audit) -> dict[tuple[str, str], dict[str, int]]:
    """Benchmark and axis to the rows of each group: those of the metric that is of most of them."""
    sizes: dict[tuple[str, str], dict[str, int]] = {}
    for estimate in audit.estimates:
        name = estimate.id
        if name.axis is not None and name.group is not None:
            groups = sizes.setdefault((name.benchmark, name.axis), {})
            groups[name.group] = max(groups.get(name.group, 0), estimate.total)
    return sizes


def _unlabelled(audit: Audit) -> list[str]:
    """Rows that belong to no slice by which their card measures, where a check is judged by it."""
    sliced = {check.each for check in audit.policy.checks}
    lines = [
        say("unjudged.unlabelled", estimate=str(metric.id(part)), n=str(part.rows))
        for metric in audit.declared for part in metric.parts
        if not part.known and part.group is None and tuple(part.slice) in sliced
    ]
    return lines[:LISTED] + ([say("unjudged.more_unlabelled", n=str(len(lines) - LISTED))] if lines[LISTED:] else [])


def _not_run(audit: Audit) -> list[str]:
    """Checks whose pack, arm or rule the user left out, by pack."""
    packs = Counter(finding.check.benchmark for finding in audit.findings if finding.status == "not_run")
    return [
        say(plural("unjudged.checks_not_run", number), n=str(number), pack=pack,
            reason=audit.left_out.get(pack) or say("unjudged.not_named"))
        for pack, number in sorted(packs.items())
    ]


def _untested(audit: Audit) -> list[str]:
    """Metrics that read no planted answerer; those of scrambled twins only guard others."""
    read = {reading.estimate for reading in audit.selftest}
    pooled = [name for estimate in audit.estimates if (name := estimate.id).pooled and not name.variant]
    names = [str(name) for name in pooled if name.arm != PLAUSIBILITY and name not in read]
    return [say("unjudged.untested", estimates=", ".join(names))] if names else []
