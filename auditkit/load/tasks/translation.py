"""Translation: the source text, and one or more right translations."""

from __future__ import annotations

from auditkit.load.tasks.kind import TaskKind
from auditkit.schema import Generation, Template

translation = TaskKind(
    inputs=("source",), truths=("target",), truth=lambda row, classes: row.references("target"),
    request="generate", rules=("text",),
    template=Template(text="Translate this text.\n\n{source}", prefix="Translation:", inputs=("source",)),
    metrics=("bleu", "chrf"), generation=Generation(max_tokens=256, stop=("\n",)),
)
