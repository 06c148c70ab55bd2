"""Group metrics: fairlearn defines and computes them; `stats` gives the interval and must agree on the value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.schema import UNKNOWN, Estimate, Sample

AXIS = "axis"
"""Metadata key of the axis that a row belongs to, whether or not it names a group there."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class AxisTable:
    """One axis as fairlearn computed it."""

    by_group: dict[str, float]
    """Group to mean score, over the groups that have a scored sample."""
    n: dict[str, int]
    """Group to scored samples."""
    gap: float
    """Largest minus smallest group value (`difference(method="between_groups")`), at least 0."""
    smallest_ratio: float | None
    """Smallest over largest (`ratio(method="between_groups")`); `None` where the largest is not above 0."""


def group_of(sample: Sample, axis: str) -> str | None:
    """The sample's group on an axis; `unknown` where the row is of that axis but names none; else `None`."""
    group = sample.groups.get(axis)
    if group is not None:
        return group or UNKNOWN
    return UNKNOWN if sample.metadata.get(AXIS) == axis else None


def tables(
    values: Sequence[float], axes: Sequence[str], groups: Sequence[str], compute: Callable[[Any], float] | None = None
) -> dict[str, AxisTable]:
    """Group values, gap and ratio of each axis.

    fairlearn raises on missing groups, gives NaN for empty cells and ignores indexes: so only scored rows with a group
    are handed over, as plain arrays, and undefined cells are dropped.

    Args:
        values: scores, one a row; a sample with two axes has two rows.
        axes: the row's axis.
        groups: the row's group on that axis.
        compute: the group's value from its rows' values, for what is not a mean; NaN where it is undefined.

    Returns:
        Axis to its table; empty where there are no rows, without the axes where no group has a value.

    Raises:
        MeasurementError: a NaN among the values, or a row without a group.
    """
    scored = np.asarray(values, dtype=np.float64)
    if np.isnan(scored).any():
        raise MeasurementError("group metrics: an unscored row; hand over scored rows only")
    if not all(axes) or not all(groups):
        raise MeasurementError("group metrics: a row without axis or group; count unknown groups apart")
    if not len(scored):
        return {}
    axis_of, group_of_row = np.asarray(axes), np.asarray(groups)
    rows = {axis: axis_of == axis for axis in sorted(set(axes))}
    by_axis = {axis: _table(_frame(scored[mask], group_of_row[mask], compute)) for axis, mask in rows.items()}
    return {axis: table for axis, table in by_axis.items() if table is not None}


def check(estimate: Estimate, table: AxisTable | None) -> None:
    """Hold the value of a contrast equal to fairlearn's.

    Raises:
        MeasurementError: the two differ by more than 1e-9.
    """
    expected = None if table is None else table.gap if estimate.id.contrast == "gap" else table.smallest_ratio
    if expected is not None:
        hold_equal(estimate, expected)


def hold_equal(estimate: Estimate, expected: float) -> None:
    """Hold an estimate's value equal to what fairlearn gives.

    Raises:
        MeasurementError: the two differ by more than 1e-9.
    """
    if estimate.value is not None and not math.isclose(
        estimate.value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE
    ):
        raise MeasurementError(
            f"{estimate.id}: stats gives {estimate.value!r}, fairlearn {expected!r}; report this bug of auditkit"
        )


def outermost(values: Mapping[str, float]) -> tuple[str, str] | None:
    """The groups with the highest and with the lowest value, first by name among equals; `None` where all are equal."""
    highest, lowest = max(sorted(values), key=values.__getitem__), min(sorted(values), key=values.__getitem__)
    return None if values[highest] == values[lowest] else (highest, lowest)


def _frame(scored: Any, groups: Any, compute: Callable[[Any], float] | None) -> Any:
    from fairlearn.metrics import MetricFrame, count

    # a frame an axis: one of all axes would cross each with the groups of the others. The scores are handed over twice,
    # since a mean needs no second column, but MetricFrame does
    return MetricFrame(
        metrics={"value": _mean if compute is None else lambda y_true, y_pred: compute(y_pred), "n": count},
        y_true=scored, y_pred=scored, sensitive_features={"group": groups},
    )


def _mean(y_true: Any, y_pred: Any) -> float:
    return float(np.mean(y_pred))


def _table(frame: Any) -> AxisTable | None:
    cells: Mapping[Any, Any] = frame.by_group["value"].dropna().to_dict()
    counts: Mapping[Any, Any] = frame.by_group["n"].to_dict()
    by_group = {str(group): float(value) for group, value in cells.items()}
    if not by_group:
        return None
    ratio = None
    if max(by_group.values()) > 0 and min(by_group.values()) >= 0:
        ratio = float(frame.ratio(method="between_groups")["value"])
    return AxisTable(
        by_group=by_group,
        n={group: int(counts[group]) for group in by_group},
        gap=float(frame.difference(method="between_groups")["value"]),
        smallest_ratio=ratio,
    )
