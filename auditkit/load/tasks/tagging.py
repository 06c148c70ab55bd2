"""Tagging: one tag for each word."""

from __future__ import annotations

from typing import Any

from auditkit.errors import PackError
from auditkit.load.samples import check_tags
from auditkit.load.tasks.kind import BARE, Classes, TaskKind
from auditkit.load.tasks.row import TaskRow


def _fields(row: TaskRow) -> dict[str, str]:
    return {"text": " ".join(row.texts("words", separator=None))}


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    words, tags = row.texts("words", separator=None), row.labels("tags", separator=None)
    if not words:
        raise PackError(f'{row.place}: "words" is missing; fill it, or remove the row')
    check_tags(tags, words, row.place)
    return {"words": words, "tags": tags}


tagging = TaskKind(
    inputs=(), truths=("words", "tags"), truth=_truth, fields=_fields,
    request="tag", rules=("tags",), template=BARE,
    metrics=("entity_f1", "entity_f1_lenient", "token_accuracy"), learnt_metrics=("entity_f1", "token_accuracy"),
)
