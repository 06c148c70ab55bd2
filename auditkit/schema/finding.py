"""What rules say of estimates, and the verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from auditkit.schema.base import Record
from auditkit.schema.estimate_id import EstimateId
from auditkit.schema.policy import Check

Status = Literal["pass", "fail", "inconclusive", "not_applicable", "error"]
Cause = Literal[
    "cleared", "missed", "straddles", "too_few_samples", "too_few_clusters", "too_many_unscored", "undefined",
    "shown_only", "selftest", "guard", "holm", "no_estimate", "errored", "not_applicable", "waived", "scorer",
]


class Finding(Record):
    """The outcome of one check."""

    id: str
    """`RULE estimate-id`."""
    rule: str
    """Code of the rule."""
    status: Status
    """The outcome."""
    cause: Cause
    """Why the status holds; titles and messages come from the rule's catalogue."""
    check: Check
    """The check that was judged."""
    parameters: dict[str, float | int | str | None] = Field(default_factory=dict)
    """The numbers that the message shows, e.g. value, low, high, bound, n, n_to_decide."""
    estimates: tuple[EstimateId, ...] = ()
    """The estimates it rests on."""
    evidence: tuple[str, ...] = ()
    """Ids of cited samples."""
    p_value: float | None = None
    """One-sided p of a failure, before Holm."""
    waived_by: str | None = None
    """Owner of the waiver that applies."""

    @property
    def blocks(self) -> bool:
        """Whether the verdict rests on its check."""
        return self.check.severity == "block"

    @property
    def holds_back(self) -> bool:
        """Whether it keeps the verdict from passing."""
        if not self.blocks:
            return False
        if self.status == "inconclusive":
            return self.check.inconclusive == "hold"
        if self.status == "not_applicable":
            return not self.check.allow_not_applicable
        return self.status != "pass"


class Verdict(Record):
    """The decision."""

    status: Literal["pass", "fail", "inconclusive", "error"]
    """The decision."""
    exit_code: Literal[0, 1, 3, 4]
    """0 passed, 1 failed, 3 inconclusive, 4 error."""
    reasons: tuple[str, ...]
    """Ids of the findings that decide it."""
    policy: str
    """Name of the policy."""
    counts: dict[Status, int]
    """Blocking checks by the status of their finding; those that no finding has are left out."""


class SelfTestReading(Record):
    """What a metric read on a planted model, beside what it must read."""

    planted: str
    """Name of the planted model."""
    estimate: EstimateId
    """The pooled estimate that was read."""
    expect: Literal["exactly", "around", "undefined"]
    """`exactly`, `around` (inside the 99.99 % interval) or `undefined`."""
    expected: float | None
    """The value that it must read; absent for `undefined`."""
    value: float | None
    """The value that it read; `None` is undefined."""
    low: float | None
    """Lower limit of the 99.99 % interval, for `around`."""
    high: float | None
    """Upper limit of the 99.99 % interval, for `around`."""
    n: int
    """Scored samples."""
    ok: bool
    """Whether it read what it must; a metric with a wrong reading may not gate."""
