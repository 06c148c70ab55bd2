"""What a card declares and the whole pack holds, whatever part of it was audited: what a check can be about."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from auditkit.schema.base import Record
from auditkit.schema.estimate import Direction
from auditkit.schema.estimate_id import Contrast, EstimateId

UNKNOWN = "unknown"
"""A row that belongs to an axis but names no group on it, or lacks a metadata key: shown and counted, never judged."""
CROSSED = " × "
"""Stands between two axes whose groups are crossed, and between their groups: `gender × race`, `female × black`."""


class DeclaredPart(Record):
    """All rows of one metric and arm, a slice of them, or one group."""

    slice: dict[str, str] = Field(default_factory=dict)
    """Metadata key to value; empty for all rows, and for a group."""
    axis: str | None = None
    """The demographic axis of a group."""
    group: str | None = None
    """The group."""
    cluster_sizes: tuple[tuple[int, int], ...]
    """Rows of a cluster, and how many clusters have so many; ascending."""

    @property
    def known(self) -> bool:
        """Whether the rows name what the part is called after."""
        return UNKNOWN not in (*self.slice.values(), self.group)

    @property
    def rows(self) -> int:
        """Rows in the whole pack."""
        return sum(size * count for size, count in self.cluster_sizes)

    @property
    def clusters(self) -> int:
        """Clusters in the whole pack."""
        return sum(count for _, count in self.cluster_sizes)


class DeclaredMetric(Record):
    """One metric on one arm of a pack."""

    benchmark: str
    """Name of the pack."""
    metric: str
    """Name of the metric."""
    arm: str
    """The arm of the pack, or `all`."""
    title: str
    """The metric's name for people."""
    range: tuple[float, float]
    """What a value can be."""
    direction: Direction
    """Which values are better."""
    ideal: float | None = None
    """The ideal value where it lies in the middle."""
    mean: bool
    """Whether it is a mean of scores, so that it is known beforehand how far answers can move it."""
    slices: tuple[tuple[str, ...], ...] = ()
    """The metadata keys, and crossings of them, by which the card slices it."""
    contrasts: tuple[tuple[str, Contrast], ...] = ()
    """Axis and contrast over its groups."""
    variants: tuple[str, ...] = ()
    """Variants of a robustness run."""
    made_of: tuple[str, ...] = ()
    """Names of the metrics whose contrast between groups it is, and by whose self-test it is judged; it has no
    parts."""
    parts: tuple[DeclaredPart, ...]
    """All rows first; then slices and groups."""

    def id(self, part: DeclaredPart) -> EstimateId:
        """The estimate of a part."""
        return EstimateId(
            benchmark=self.benchmark, metric=self.metric, arm=self.arm, slice=part.slice, axis=part.axis,
            group=part.group,
        )

    def sliced(self, keys: tuple[str, ...]) -> Iterator[DeclaredPart]:
        """The slices by these keys whose rows have them all."""
        return (part for part in self.parts if part.slice.keys() == {*keys} and part.known)

    @property
    def groups(self) -> Iterator[DeclaredPart]:
        """The named groups of all axes."""
        return (part for part in self.parts if part.group is not None and part.known)
