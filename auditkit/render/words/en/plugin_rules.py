"""What stands in for the texts of a rule that is not described in any language."""

WORDS = {
    "passing": "{capital_metric} is within its limit",
    "failing": "{capital_metric} is outside its limit",
    "inconclusive": "Whether {metric} is within its limit is undecided",
    "what": "Bounds {metric} on {benchmark}.",
    "why": "The rule comes from a plugin that brought no documentation.",
    "todo": "Ask the plugin’s author.",
}
