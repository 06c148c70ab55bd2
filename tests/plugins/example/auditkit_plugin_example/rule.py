"""A rule: a code, the metrics that its words speak of, and these words."""

from auditkit.schema import Rule, RuleText

EX101 = Rule(
    code="EX101",
    metrics=("example_hits",),
    words={
        "en": RuleText(
            name="too-few-hits",
            passing="Enough questions are answered as the rows say",
            failing="Too few questions are answered as the rows say",
            inconclusive="Whether enough questions are answered as the rows say is not decided",
            what="Compares the share of hits with a limit.",
            why="A model that misses answers by chance.",
            todo="Train on more questions.",
        )
    },
)
