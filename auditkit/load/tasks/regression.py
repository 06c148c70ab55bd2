"""Regression: a number for a text, or for a pair of texts."""

from __future__ import annotations

import math
from typing import Any

from auditkit.errors import PackError
from auditkit.load.tasks.kind import BARE, BARE_PAIR, Classes, TaskKind
from auditkit.load.tasks.row import TaskRow


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    value = row.values.get("label")
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise PackError(f'{row.place}: "label" is {value!r}; expected a number')
    return {"target": repr(number)}


regression = TaskKind(
    inputs=("text",), optional="text_pair", truths=("label",), truth=_truth,
    request="classify", rules=("number",), template=BARE, optional_template=BARE_PAIR,
    metrics=("pearson_correlation", "spearman_correlation"),
    learnt_metrics=("pearson_correlation", "spearman_correlation"),
)
