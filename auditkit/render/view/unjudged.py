"""What no check judges: rows without a label, checks that were not run, metrics without a self-test."""

from __future__ import annotations

from collections import Counter

from auditkit.render.words.catalogue import plural, say
from auditkit.schema import PLAUSIBILITY, Audit

LISTED = 3
"""Most parts of rows that are listed."""


def left_unjudged(audit: Audit) -> tuple[str, ...]:
    """A sentence each, for the page and the terminal."""
    return (*_unlabelled(audit), *_not_run(audit), *_untested(audit))


def _unlabelled(audit: Audit) -> list[str]:
    """Rows that belong to no group or slice by which their card measures, where a check is judged by it."""
    sliced = {check.each for check in audit.policy.checks}
    lines = [
        say("unjudged.unlabelled", estimate=str(metric.id(part)), n=str(part.rows))
        for metric in audit.declared for part in metric.parts
        if not part.known and (part.group is not None or tuple(part.slice) in sliced)
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
