"""Groups that rows name: what is missing, blanks around names, and crossings of axes."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.load.tasks.groups import MOST_CELLS, axes_of, group_name, groups_of
from auditkit.load.tasks.row import TaskRow


def row(**groups: Any) -> TaskRow:
    return TaskRow(1, "f.csv:1", {}, groups, {}, {})


@pytest.mark.parametrize(
    "cell", ["", " ", "\t", "nan", "NaN", " nan ", "None", "null", "NULL", "NA", "N/A", "<NA>", None, float("nan"),
             "unknown", "Unknown"]
)
def test_a_missing_group_is_one_group_whatever_the_file_writes(cell: Any) -> None:
    assert group_name(cell, "f.csv:1", "gender") == "unknown"


@pytest.mark.parametrize(("cell", "group"), [(" female", "female"), ("none", "none"), (3, "3"), (True, "true"),
                                             ("Nandi", "Nandi")])
def test_other_cells_are_groups_without_the_blanks_around_them(cell: Any, group: str) -> None:
    assert group_name(cell, "f.csv:1", "religion") == group


def test_axes_are_crossed_pair_by_pair() -> None:
    groups = groups_of([row(gender="f", race="b", age="old"), row(gender="m", race="", age="old")])
    assert axes_of(groups) == ("gender", "race", "age", "gender × race", "gender × age", "race × age")
    assert [named["gender × race"] for named in groups] == ["f × b", "unknown"]
    assert [named["gender × age"] for named in groups] == ["f × old", "m × old"]


def test_a_crossing_of_too_many_groups_is_not_made() -> None:
    rows = [row(city=f"c{number}", gender="f") for number in range(MOST_CELLS + 1)]
    assert axes_of(groups_of(rows)) == ("city", "gender")
    assert axes_of(groups_of(rows[:-1])) == ("city", "gender", "city × gender")
