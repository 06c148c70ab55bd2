"""Generative question answering: the model writes the answer, with or without a passage (`context`)."""

from __future__ import annotations

from auditkit.load.tasks.kind import LINE, TaskKind
from auditkit.schema import Template

generative_qa = TaskKind(
    inputs=("question",), optional="context", truths=("answers",),
    truth=lambda row, classes: row.references("answers"),
    request="generate", rules=("text",),
    template=Template(text="Question: {question}", prefix="Answer:", inputs=("question",)),
    optional_template=Template(
        text="{context}\n\nQuestion: {question}", prefix="Answer:", inputs=("question", "context"),
    ),
    metrics=("exact_match", "token_f1"), generation=LINE,
)
