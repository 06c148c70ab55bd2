"""A kind of task on the user's data: which columns it reads, how it is asked, what is right."""

from auditkit.load.tasks.kind import BARE, LINE, TaskKind

shout = TaskKind(
    inputs=("text",), truths=("loud",), truth=lambda row, classes: {"target": row.text("loud")},
    request="generate", rules=("text",), template=BARE, generation=LINE, metrics=("exact_match",),
)
