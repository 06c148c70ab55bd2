"""What a rule is: data over one threshold function, registered like a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditkit.schema.base import Record
from auditkit.schema.finding import Finding
from auditkit.schema.policy import Check


class RuleText(Record):
    """The words of one rule in one language."""

    name: str
    """The failing noun, e.g. `stereotype-preference`."""
    passing: str
    """Title of a finding that passed."""
    failing: str
    """Title of a finding that failed."""
    inconclusive: str
    """Title of a finding that the data do not decide."""
    what: str
    """What the rule does."""
    why: str
    """Why a failure is bad."""
    example: str = ""
    """A failure that a reader can picture."""
    todo: str
    """What to do about a failure."""
    references: tuple[str, ...] = ()
    """Where the measure and the argument come from."""


@dataclass(frozen=True)
class Rule:
    """One rule; register it as the entry point `rule.CODE = module:object`."""

    code: str
    """e.g. `AK102`; a policy's check names it."""
    metrics: tuple[str, ...] = ()
    """The metrics that its words speak of; any where empty."""
    words: Mapping[str, RuleText] = field(default_factory=dict)
    """Language to words, of a rule that a plugin brings; those of built-in rules stand in the report's catalogue."""
    judge: Callable[[Check, Any], Finding] | None = None
    """Judges a check on a `judge.threshold.Basis` where the arithmetic differs from the threshold function's."""
