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
    metric: str
    arm: str
    slice: dict[str, str] = Field(default_factory=dict)
    axis: str | None = None
    group: str | None = None
    contrast: Literal["gap", "smallest_ratio"] | None = None
    bound: float
    """Limit of the metric; the allowed distance from the ideal where the ideal lies in the middle."""
    level: float = 0.95
    """Level of the two-sided interval."""
    severity: Severity = "block"
    min_samples: int = 30
    min_clusters: int = 20
    max_unscored: float = 0.10
    """Largest share of samples without a score (refused, unparsed, tied)."""
    max_errored: float = 0.01
    """Largest share of errored and not-run samples."""
    allow_not_applicable: bool = False
    inconclusive: Literal["hold", "pass"] = "hold"
    """What inconclusive means: `hold` keeps the verdict from passing; `pass` lets it pass (said in the report)."""


class Waiver(Record):
    """An accepted failure, with an owner and an end."""

    finding: str
    """Id of the finding: `RULE estimate-id`."""
    owner: str
    reason: str
    accepted_bound: float
    """The waiver holds only while the estimate's unfavourable end stays within this bound."""
    expires: dt.date


class Policy(Record):
    """A list of checks."""

    schema_version: Literal[1] = 1
    name: str
    description: str = ""
    checks: tuple[Check, ...] = Field(min_length=1)
    waivers: tuple[Waiver, ...] = ()
