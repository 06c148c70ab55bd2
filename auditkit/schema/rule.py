"""What a rule is: data over one threshold function, registered like a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditkit.schema.base import Record
from auditkit.schema.estimate_id import Contrast
from auditkit.schema.finding import Finding
from auditkit.schema.policy import Check

GENERIC = "AK100"
"""The rule of any metric, which says what was measured in the metric's own words."""
TWINS = {
    "false_claim_endorsement": ("true_claim_refutation",), "true_claim_refutation": ("false_claim_endorsement",),
    "ambiguous_bias_score": ("disambiguated_bias_score",),
}
"""Metric to those without which a pass of it says little: what calls nothing true endorses nothing false."""


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
    contrasts: tuple[Contrast | None, ...] = (None,)
    """The contrasts that its words speak of; `None` is the value itself, of all rows or a part; any where empty."""
    axes: tuple[str, ...] = ()
    """The demographic axes that its words speak of; any where empty."""
    words: Mapping[str, RuleText] = field(default_factory=dict)
    """Language to words, of a rule that a plugin brings; those of built-in rules stand in the report's catalogue."""
    withholds: bool = False
    """Whether a miss is no failure but withholds a pass: answers that are missing show nothing of those that would have
    been given."""
    judge: Callable[[Check, Any], Finding] | None = None
    """Judges a check on a `judge.threshold.Basis` where the arithmetic differs from the threshold function's."""

    def misuse(self, check: Check) -> str | None:
        """What of a check its words do not speak of, with what they speak of; `None` where they fit."""
        parts: tuple[tuple[str, object, tuple[object, ...]], ...] = (
            ("metric", check.metric, self.metrics), ("contrast", check.contrast, self.contrasts),
            ("axis", check.axis, self.axes if check.axis else ()),
        )
        for name, value, allowed in parts:
            if allowed and value not in allowed:
                listed = " or ".join(f"no {name}" if item is None else f"{name}: {item}" for item in allowed)
                named = f"no {name}" if value is None else f"{name}: {value}"
                return f"{named}; the rule {self.code} is about {listed}"
        return None
