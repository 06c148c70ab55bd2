"""Models that only repeat: planted models whose bias is known, and saved predictions."""

from auditkit.models.families import Family

BEHAVIOURS: tuple[str, ...] = (
    "always-stereotyped", "always-anti", "never-stereotyped", "half-and-half", "random", "constant", "first-option",
    "always-unknown", "always-true", "always-false", "always-right", "always-wrong", "majority",
    "one-group-wrong", "case-sensitive", "garbage",
    "refusing", "crashing",
)
"""Names of the planted models."""
PLANTED_SCHEME, PREDICTIONS_SCHEME = "planted:", "predictions:"

PLANTED = Family(
    name="planted",
    description="known behaviour, for self-tests",
    scheme=PLANTED_SCHEME,
    forms=tuple(f"{PLANTED_SCHEME}{behaviour}" for behaviour in BEHAVIOURS),
    answerer="auditkit.models.scripted.planted:open_planted",
)
PREDICTIONS = Family(
    name="predictions",
    description="saved answers (.jsonl or .csv), no model needed",
    scheme=PREDICTIONS_SCHEME,
    forms=(f"{PREDICTIONS_SCHEME}FILE",),
    answerer="auditkit.models.scripted.predictions:open_predictions",
)
