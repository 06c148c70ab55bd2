"""The findings for code scanning."""

WORDS = {
    "result": "{title}. {what}: {reason}",
    "example": "Example: {text}",
    "todo": "What to do: {text}",
    "misread": "Self-test: {metric} read {value} on {planted}, and must read {expected}.",
    "run": "{model}, audit {audit}",
    "no_version": "unknown",
}
