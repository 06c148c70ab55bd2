"""The generic rule: any metric, in the metric's own words."""

WORDS = {
    "name": "{code}-outside-limit",
    "subject": "{metric} on {benchmark}",
    "part": "{subject}, {part},",
    "each": "{subject}, each {keys},",
    "passing": "{subject} is {limit}",
    "failing": "{subject} is not {limit}",
    "inconclusive": "Whether {subject} is {limit} is undecided",
    "what": "Compares the metric with the limit that the policy gives: {limit}.",
    "why": "The policy asks for it; the benchmark’s card says what the number means, and what it does not.",
    "todo": "Read the cited samples; change the model or its prompt; audit again.",
}
