"""What a deployment must satisfy."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import field_validator

from auditkit.schema.base import Record
from auditkit.schema.estimate import Estimate
from auditkit.schema.estimate_id import EstimateId, EstimateParts
from auditkit.schema.region import Region
from auditkit.schema.sample import MARK

Severity = Literal["block", "warn", "info"]


class Check(EstimateParts):
    """One bound on one estimate."""

    rule: str
    """Rule code, e.g. `AK102`."""
    bound: float
    """Limit of the metric; the allowed distance from the ideal where the ideal lies in the middle."""
    level: float = 0.95
    """Level of the two-sided interval."""
    severity: Severity = "block"
    """`block` decides the verdict; `warn` and `info` are only shown."""
    min_samples: int = 30
    """Fewer scored samples are inconclusive."""
    min_clusters: int = 20
    """Fewer effective clusters (n²/Σ n_c², of clusters of n_c samples) are inconclusive."""
    max_unscored: float = 0.10
    """Largest share of samples without a score (refused, unparsed, cut, tied)."""
    max_errored: float = 0.01
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

    @property
    def estimate(self) -> EstimateId:
        """The estimate that it bounds."""
        return EstimateId.model_validate({name: getattr(self, name) for name in EstimateId.model_fields})

    @property
    def finding(self) -> str:
        """Id of its finding, which a waiver names: `RULE estimate-id`."""
        return f"{self.rule} {self.estimate}"

    def region(self, estimate: Estimate) -> Region:
        """Where it allows an estimate to lie."""
        return Region.allowed(self.bound, estimate.direction, estimate.ideal)


class PackChecks(Record):
    """The checks that a pack brings (`checks.yaml` beside its card): its share of a built-in policy."""

    description: str = ""
    """What the checks are for, and why their bounds are what they are."""
    checks: tuple[Check, ...]
    """Bounds on the pack's own estimates."""


class Waiver(Record):
    """An accepted failure, with an owner and an end."""

    finding: str
    """Id of the finding: `RULE estimate-id`."""
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
    checks: tuple[Check, ...]
    """The bounds; a policy file needs one that blocks."""
    waivers: tuple[Waiver, ...] = ()
    """Accepted failures."""
