"""The verdict in one sentence, for the page and for the terminal."""

from __future__ import annotations

from auditkit.render.words.catalogue import plural, say
from auditkit.schema import Audit


def sentence(audit: Audit) -> str:
    """What was decided, under which policy, and by how many checks: `Passes the policy default: 5 … cleared.`"""
    verdict, number = audit.verdict, len(audit.verdict.reasons)
    key = f"verdict.sentence.{verdict.status}" if number else "verdict.sentence.nothing_decided"
    return say(key, policy=verdict.policy, checks=say(plural("verdict.checks", number), n=str(number)),
               missed=say(plural("verdict.missed", number)))
