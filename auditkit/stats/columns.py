"""One metric's scores as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from auditkit.errors import MeasurementError
from auditkit.schema import Reason

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[Any]
Codes = npt.NDArray[np.intp]
"""Cluster or row numbers."""
Mask = npt.NDArray[np.bool_]
Range = tuple[float, float]

_OUTSIDE = "outside"
_REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, eq=False)
class ScoreColumn:
    """The scores of n samples on one metric.

    Raises:
        MeasurementError: the columns differ in length, or a row has both or neither of a value and a reason.
    """

    values: Floats
    """Shape (n,); NaN where a sample has no score."""
    reasons: Strings
    """Shape (n,), strings: why there is no score; empty where there is one."""
    clusters: tuple[Strings, ...] = ()
    """One array of shape (n,) a cluster factor, two at most; none: every sample is its own cluster."""
    parts: Mapping[str, Strings] = field(default_factory=dict)
    """What a statistic over the corpus is made of: name to numbers or strings, shape (n,). A row without a score has
    those of the best possible answer, from which the statistic makes its fills."""

    def __post_init__(self) -> None:
        """Check the columns against each other.

        Raises:
            MeasurementError: as the class says.
        """
        # an infinite value, a lost reason or a shifted column would still give a number, and a wrong one
        columns = (self.values, self.reasons, *self.clusters, *self.parts.values())
        lengths = {len(column) for column in columns}
        if len(lengths) > 1:
            raise MeasurementError(f"score column: values, reasons and clusters differ in length {sorted(lengths)}")
        if len(self.clusters) > 2:
            raise MeasurementError(f"score column: {len(self.clusters)} cluster factors; two crossed ones at most")
        if np.isinf(self.values).any():
            raise MeasurementError("score column: an infinite value; a score is finite, or missing with a reason")
        valued, missing = ~np.isnan(self.values), self.reasons != ""
        if (valued & missing).any() or not (self.parts or (valued | missing).all()):
            raise MeasurementError("score column: each row needs either a value or a reason why it has none")
        known = np.count_nonzero(~missing) + sum(np.count_nonzero(self.reasons == name) for name in _REASONS)
        if known < len(self.reasons):
            unknown = set(np.unique(self.reasons[missing]).tolist()) - {*_REASONS}
            raise MeasurementError(f"score column: unknown reason {sorted(unknown)}; known: {_REASONS}")

    @property
    def n(self) -> int:
        """Scored samples."""
        return int(np.count_nonzero(self.reasons == ""))

    @property
    def fillable(self) -> int:
        """Samples that have no score but could have had one: every reason but `outside`."""
        return int(np.count_nonzero((self.reasons != "") & (self.reasons != _OUTSIDE)))

    @property
    def scored(self) -> ScoreColumn:
        """The scored rows."""
        return self.rows(self.reasons == "")

    @property
    def possible(self) -> ScoreColumn:
        """The rows that have, or could have had, a score."""
        return self.rows(self.reasons != _OUTSIDE)

    def filled(self, value: float) -> ScoreColumn:
        """Every row that has, or could have had, a score; the missing ones set to `value`."""
        possible = self.possible
        missing = possible.reasons != ""
        return replace(
            possible, values=np.where(missing, value, possible.values), reasons=np.where(missing, "", possible.reasons)
        )

    def with_parts(self, parts: Mapping[str, Strings]) -> ScoreColumn:
        """Every row scored, with these parts."""
        return ScoreColumn(np.full(len(self.values), np.nan), np.full(len(self.values), ""), self.clusters, parts)

    def unscored(self) -> dict[Reason, int]:
        """Counts of the reasons, in alphabetical order."""
        counts = {name: int(np.count_nonzero(self.reasons == name)) for name in sorted(_REASONS)}
        return {name: number for name, number in counts.items() if number}

    def rows(self, mask: npt.NDArray[np.bool_]) -> ScoreColumn:
        """The rows that a mask of shape (n,) keeps."""
        part = object.__new__(ScoreColumn)  # some rows of a column that was checked need no checks
        part.__dict__.update(
            values=self.values[mask], reasons=self.reasons[mask],
            clusters=tuple(codes[mask] for codes in self.clusters),
            parts={name: column[mask] for name, column in self.parts.items()},
        )
        return part


def together(a: ScoreColumn, b: ScoreColumn) -> ScoreColumn:
    """The rows of a, then those of b."""
    return ScoreColumn(
        np.concatenate([a.values, b.values]),
        np.concatenate([a.reasons, b.reasons]),
        tuple(np.concatenate([x, y]) for x, y in zip(a.clusters, b.clusters, strict=True)),
    )


def encoded(columns: Iterable[ScoreColumn]) -> list[ScoreColumn]:
    """The columns with clusters as numbers, the same number for the same cluster in all of them.

    Sorting texts again, for each interval and each fill, would take most of the time.

    Raises:
        MeasurementError: the columns have different numbers of cluster factors.
    """
    groups = list(columns)
    if len({len(group.clusters) for group in groups}) > 1:
        raise MeasurementError("groups to be compared need the same cluster factors")
    rows = sum(len(group.values) for group in groups)
    factors = [_numbered(parts, rows) for parts in zip(*(group.clusters for group in groups), strict=True)]
    return [replace(group, clusters=tuple(factor[i] for factor in factors)) for i, group in enumerate(groups)]


def _numbered(parts: Sequence[Strings], rows: int) -> Sequence[Strings]:
    """One factor's clusters, a group, as numbers; those that are not much larger than `rows` stay as they are."""
    most = 64 * rows
    if all(part.dtype.kind == "i" and (part.size == 0 or 0 <= part.min() <= part.max() < most) for part in parts):
        return parts
    # all groups' names in one row, numbered together, and cut into groups again
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return np.split(np.unique(np.concatenate(parts), return_inverse=True)[1], ends)
