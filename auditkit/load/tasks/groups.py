"""The demographic groups that rows name: what a cell holds, and the crossings of two axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from auditkit.load.tasks.row import TaskRow, text_of
from auditkit.schema import CROSSED, UNKNOWN

MISSING = frozenset({
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "NaT", "None", "n/a", "nan", "null",
})
"""How files write that a cell holds nothing: what pandas reads so by default, whose files these mostly are. `none` is
not among them: it may be somebody's religion."""
MOST_CELLS = 16
"""Most groups that a crossing of two axes may have, since each is compared with each; one of more is not measured."""


def group_name(value: Any, place: str, axis: str) -> str:
    """The group that a cell names, without the blanks around it; `unknown` where it names none.

    Raises:
        PackError: neither text nor number.
    """
    name = text_of(value, place, axis, empty=True).strip()
    return UNKNOWN if name in MISSING or name.casefold() == UNKNOWN else name


def groups_of(rows: Sequence[TaskRow]) -> list[dict[str, str]]:
    """Axis to group of each row, with every crossing of two axes that has few enough groups: `gender × race`.

    A row that lacks one of two groups is `unknown` in their crossing.

    Raises:
        PackError: a cell that is neither text nor number.
    """
    groups = [{axis: group_name(value, row.place, axis) for axis, value in row.groups.items()} for row in rows]
    for pair in combinations(rows[0].groups, 2):
        cells = [_cell([row[axis] for axis in pair]) for row in groups]
        if len({*cells}) <= MOST_CELLS:
            for row, cell in zip(groups, cells, strict=True):
                row[CROSSED.join(pair)] = cell
    return groups


def axes_of(groups: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The axes of the rows' groups, crossings last."""
    return tuple(groups[0])


def _cell(names: Sequence[str]) -> str:
    return UNKNOWN if UNKNOWN in names else CROSSED.join(names)
