"""What a deployment must satisfy."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from auditkit.schema.base import Record

Severity = Literal["block", "warn", "info"]


class Check(Record):
    """One bound on one estimate."""

    rule: str
    """Rule code, e.g. `AK102`."""
    benchmark: str
    """Name of the pack."""
    metric: str
    """Name of the metric."""
    arm: str
    """The arm of the pack, or `all`."""
    slice: dict[str, str] = Field(default_factory=dict)
    """Metadata key to value; empty for the pooled estimate."""
    axis: str | None = None
    """The demographic axis, for a group estimate or contrast."""
    group: str | None = None
    """The group, for a group estimate."""
    contrast: Literal["gap", "smallest_ratio", "difference"] | None = None
    """`gap` (largest difference) or `smallest_ratio` over the axis' groups; `difference` of a robustness run's arm,
    e.g. `ambiguous~typos`, to the clean one."""
    bound: float
    """Limit of the metric; the allowed distance from the ideal where the ideal lies in the middle."""
    level: float = 0.95
    """Level of the two-sided interval."""
    severity: Severity = "block"
    """`block` decides the verdict; `warn` and `info` are only shown."""
    min_samples: int = 30
    """Fewer scored samples are inconclusive."""
    min_clusters: int = 20
    """Fewer clusters are inconclusive."""
    max_unscored: float = 0.10
    """Largest share of samples without a score (refused, unparsed, tied)."""
    max_errored: float = 0.01
    """Largest share of errored and not-run samples."""
    allow_not_applicable: bool = False
    """Whether a model family that cannot answer the pack may pass."""
    inconclusive: Literal["hold", "pass"] = "hold"
    """What inconclusive means: `hold` keeps the verdict from passing; `pass` lets it pass (said in the report)."""


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
