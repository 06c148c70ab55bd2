"""What a deployment must satisfy."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field, field_validator, model_validator

from auditkit.schema.base import Record
from auditkit.schema.estimate import Estimate
from auditkit.schema.estimate_id import EstimateId, EstimateParts
from auditkit.schema.jcs import digest
from auditkit.schema.region import Region
from auditkit.schema.sample import MARK

Severity = Literal["block", "warn", "info"]
Purpose = Literal["release", "pull-request"]
NOTHING = "none"
"""Name of the built-in policy that judges nothing."""


Each = tuple[str, ...] | Literal["group"]


class Check(EstimateParts):
    """One bound on one estimate, or on each of a metric's slices."""

    rule: str
    """Rule code, e.g. `AK102`."""
    each: Each = ()
    """The check stands for one check a declared slice of the whole pack: by metadata keys (`[axis]`, `[axis, polarity]`
    crossed), or `group` for each group of each axis. One finding names the worst."""
    bound: float
    """Limit of the metric; the allowed distance from the ideal where the ideal lies in the middle."""
    rows_sha256: str = ""
    """Hash of the pack's rows, as its card seals them: the check is about these rows only. Built-in policies fill it
    in; any rows where empty."""
    level: float = Field(default=0.95, ge=0.90, le=0.999)
    """Level of the two-sided interval."""
    severity: Severity = "block"
    """`block` decides the verdict; `warn` and `info` are only shown."""
    min_samples: int = Field(default=30, ge=1)
    """Fewer scored samples are inconclusive."""
    min_clusters: int = Field(default=20, ge=1)
    """Fewer effective clusters (n²/Σ n_c², of clusters of n_c samples) are inconclusive."""
    max_unscored: float = Field(default=0.10, ge=0, le=1)
    """Largest share of samples without a score (refused, unparsed, cut, tied)."""
    max_errored: float = Field(default=0.01, ge=0, le=1)
    """Largest share of errored and not-run samples."""
    allow_not_applicable: bool = False
    """Whether a model family that cannot answer the pack may pass."""
    inconclusive: Literal["hold", "pass"] = "hold"
    """What inconclusive means: `hold` keeps the verdict from passing; `pass` lets it pass (said in the report)."""

    @field_validator("arm")
    @classmethod
    def _variant_is_a_key(cls, arm: str) -> str:
        clean, mark, variant = arm.partition(MARK)
        if mark:
            raise ValueError(f'"{arm}" names a variant; write arm: {clean} and, as a key beside it, variant: {variant}')
        return arm

    @model_validator(mode="after")
    def _each_is_of_all_rows(self) -> Check:
        if self.each and (self.slice or self.axis or self.group or self.contrast or self.variant):
            raise ValueError("each takes every slice of all rows; leave out slice, axis, group, contrast and variant")
        return self

    @property
    def estimate(self) -> EstimateId:
        """The estimate that it bounds; with `each` that of all rows, which its slices are parts of."""
        return EstimateId.model_validate({name: getattr(self, name) for name in EstimateId.model_fields})

    @property
    def finding(self) -> str:
        """Id of its finding: `RULE estimate-id`, and what it is judged by each of."""
        return f"{self.rule} {self.estimate}" + (f" each {self.each_of}" if self.each else "")

    @property
    def each_of(self) -> str:
        """The keys of `each`, crossed: `axis × polarity`; empty without."""
        return self.each if isinstance(self.each, str) else " × ".join(self.each)

    def of(self, part: EstimateId) -> Check:
        """The check of one of its slices; a waiver names this one's finding."""
        return self.model_copy(update={"each": (), "slice": part.slice, "axis": part.axis, "group": part.group})

    def region(self, estimate: Estimate) -> Region:
        """Where it allows an estimate to lie."""
        return Region.allowed(self.bound, estimate.direction, estimate.ideal)


class PackChecks(Record):
    """The checks that a pack brings (`checks.yaml` beside its card): its share of a built-in policy."""

    description: str = ""
    """What the checks are for, and why their bounds are what they are."""
    checks: tuple[Check, ...]
    """Bounds on the pack's own estimates."""
    slices: int = 0
    """How many slices its blocking checks have on all rows of the pack: they are in the family of a built-in policy
    also where the pack is left out. 0: not counted, for packs of your own, which are in a policy only when audited."""


class Waiver(Record):
    """An accepted failure, with an owner and an end."""

    finding: str
    """Id of the finding: `RULE estimate-id`; of a check on each slice the id of one slice."""
    owner: str
    """Who accepts it."""
    reason: str
    """Why."""
    accepted_bound: float
    """The waiver holds only while the estimate's unfavourable end stays within this bound."""
    expires: dt.date
    """The last day on which it holds (YYYY-MM-DD)."""


class Policy(Record):
    """A list of checks."""

    schema_version: Literal[1] = 1
    """Version of this record."""
    name: str
    """Name of the policy, shown in the verdict."""
    description: str = ""
    """What it is for."""
    purpose: Purpose = "release"
    """`release`: what is undecided, or was not run, keeps it from passing. `pull-request`: only a failure that is shown
    does, and the verdict then says "no failure shown"."""
    checks: tuple[Check, ...]
    """The bounds; a policy file needs one that blocks."""
    waivers: tuple[Waiver, ...] = ()
    """Accepted failures."""
    built_in: bool = False
    """Whether auditkit made it of the checks that packs bring; no policy file can say so."""
    family: int | None = None
    """Slices of all blocking checks on the whole packs, over which failures are corrected, whatever was run; counted
    when the policy is opened, not part of its hash. `None`: as many as there are findings of."""

    @property
    def sha256(self) -> str:
        """Hash of its canonical form, without what is counted."""
        return digest(self.model_copy(update={"family": None}))

    @property
    def judges(self) -> bool:
        """Whether it is there to decide; the policy `none` is not."""
        return bool(self.checks) or self.name != NOTHING
