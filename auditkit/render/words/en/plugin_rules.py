"""What stands in for the texts of a rule that is not described in any language."""

WORDS = {
    "name": "{code}",
    "passing": "{subject} is {limit}",
    "failing": "{subject} is not {limit}",
    "inconclusive": "Whether {subject} is {limit} is undecided",
    "what": "Bounds {metric} on {benchmark}.",
    "why": "The rule comes from a plugin that brought no documentation.",
    "todo": "Ask the plugin’s author.",
}
