"""What rules say of estimates, and the verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from auditkit.schema.base import Record
from auditkit.schema.estimate_id import EstimateId
from auditkit.schema.policy import Check, Purpose

Status = Literal["pass", "waived", "fail", "inconclusive", "not_applicable", "not_run", "error"]
"""`waived`: it does not pass, and somebody answers for that. `not_applicable`: this family of models cannot answer.
`not_run`: the user left the pack out."""
Cause = Literal[
    "cleared", "missed", "straddles", "too_few_samples", "too_few_clusters", "too_many_unscored", "undefined",
    "withheld", "shown_only", "selftest", "no_selftest", "guard", "holm", "no_estimate", "not_sampled", "other_rows",
    "errored", "left_out", "not_applicable", "scorer",
]
Parameters = dict[str, float | int | str | None]
"""Name to the number or text that a message shows."""


class SliceFinding(Record):
    """The outcome of one slice of a check that is judged on each."""

    estimate: EstimateId
    """The slice or group."""
    status: Status
    """The outcome."""
    cause: Cause
    """Why the status holds."""
    parameters: Parameters = Field(default_factory=dict)
    """The numbers that the message shows."""
    p_value: float | None = None
    """One-sided p of a failure, before Holm."""
    waived_by: str | None = None
    """Owner of the waiver that applies."""


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
    parameters: Parameters = Field(default_factory=dict)
    """The numbers that the message shows, e.g. value, low, high, bound, n, n_to_decide; of the worst slice where the
    check is judged on each, with the largest harm that no slice excludes."""
    estimates: tuple[EstimateId, ...] = ()
    """The estimates it rests on, the worst first."""
    slices: tuple[SliceFinding, ...] = ()
    """The outcomes of a check that is judged on each slice, worst first."""
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
    def singles(self) -> tuple[Finding, ...]:
        """A finding for each slice, by the ids that waivers name; itself where it is of one estimate."""
        return tuple(
            Finding(
                id=self.check.of(part.estimate).finding, rule=self.rule, check=self.check.of(part.estimate),
                estimates=(part.estimate,), status=part.status, cause=part.cause, parameters=part.parameters,
                p_value=part.p_value, waived_by=part.waived_by,
            )
            for part in self.slices
        ) or (self,)

    @property
    def about(self) -> EstimateId:
        """The estimate that it shows: of the worst slice where it is judged on each."""
        return self.estimates[0] if self.slices else self.check.estimate

    @property
    def let_pass(self) -> bool:
        """Whether it is undecided and its policy lets that pass; never where it would fail but for the correction."""
        causes = {self.cause, *(part.cause for part in self.slices)}
        return self.status == "inconclusive" and self.check.inconclusive == "pass" and "holm" not in causes

    @property
    def holds_back(self) -> bool:
        """Whether it keeps the verdict from passing."""
        if not self.blocks or self.let_pass:
            return False
        if self.status == "not_applicable":
            return not self.check.allow_not_applicable
        return self.status not in ("pass", "waived")


class Harm(Record):
    """The largest harm that the checks on single slices do not exclude."""

    finding: str
    """Id of the finding."""
    estimate: EstimateId
    """The slice or group that bears it."""
    value: float
    """The unfavourable end of its worst-case interval, at the check's level."""


class Verdict(Record):
    """The decision."""

    status: Literal["pass", "fail", "inconclusive", "error", "not_judged"]
    """The decision; `not_judged` where the user asked for none."""
    exit_code: Literal[0, 1, 3, 4]
    """0 passed, or no judgement was asked for, or a pull request without a failure shown; 1 failed, 3 inconclusive, 4
    error."""
    reasons: tuple[str, ...]
    """Ids of the findings that decide it."""
    policy: str
    """Name of the policy."""
    policy_sha256: str = ""
    """Hash of the policy."""
    purpose: Purpose = "release"
    """What undecided checks mean."""
    counts: dict[Status, int]
    """Blocking checks by the status of their finding; those that no finding has are left out."""
    let_pass: int = 0
    """Blocking checks that are undecided and that the policy lets pass."""
    harm: Harm | None = None
    """The largest harm that is not excluded, over all checks on single slices."""

    @property
    def checks(self) -> int:
        """Blocking checks of the policy."""
        return sum(self.counts.values())

    @property
    def run(self) -> int:
        """Blocking checks that were run."""
        return self.checks - self.counts.get("not_run", 0)

    @property
    def unjudged(self) -> bool:
        """Whether nothing was judged: no judgement was asked for, or no check is about what was audited."""
        return self.status == "not_judged" or (self.status == "inconclusive" and not self.run)


class SelfTestReading(Record):
    """What a metric read on a planted model, beside what it must read."""

    planted: str
    """Name of the planted model."""
    estimate: EstimateId
    """The pooled estimate that was read."""
    expect: Literal["exactly", "around", "undefined", "best", "not_best"]
    """`exactly`, `around` (inside the 99.99 % interval), `undefined`, or what follows from the metric's direction:
    `best` and `not_best`."""
    expected: float | None
    """The value that it must read, or for `not_best` must not; absent for `undefined`."""
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
