"""Extractive question answering: the answer is part of the passage, or the passage holds none."""

from __future__ import annotations

from typing import Any

from auditkit.load.tasks.kind import LINE, Classes, TaskKind
from auditkit.load.tasks.row import TaskRow
from auditkit.schema import Template


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    value = row.values.get("answers")
    if isinstance(value, str) and value.strip() not in ("", "[]"):
        return row.references("answers")
    answers = row.texts("answers", none=True)
    return {"target": answers[0] if answers else None, "references": list(dict.fromkeys(answers))}


extractive_qa = TaskKind(
    inputs=("question", "context"), truths=("answers",), truth=_truth,
    request="extract", rules=("span", "text"),
    template=Template(
        text="Answer the question with words from the passage.\n\nPassage: {context}\n\nQuestion: {question}",
        prefix="Answer:", inputs=("question", "context"),
    ),
    metrics=("exact_match", "token_f1"), generation=LINE,
)
