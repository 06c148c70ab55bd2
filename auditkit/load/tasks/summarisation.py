"""Summarisation: a text, and one or more right summaries."""

from __future__ import annotations

from auditkit.load.tasks.kind import TaskKind
from auditkit.schema import Generation, Template

summarisation = TaskKind(
    inputs=("text",), truths=("summary",), truth=lambda row, classes: row.references("summary"),
    request="generate", rules=("text",),
    template=Template(text="Summarise this text.\n\n{text}", prefix="Summary:", inputs=("text",)),
    metrics=("rouge1", "rouge2", "rouge_lsum"), generation=Generation(max_tokens=160, stop=("\n\n",)),
)
