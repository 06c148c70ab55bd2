"""What was measured, in short."""

WORDS = {
    "title": "Results",
    "heading": "Results",
    "lead": "Measured on these rows. No limit was set, so that nothing here says whether the values are good enough.",
    "benchmark": "{name}, {n} of {total} rows, {level} intervals",
    "by": "{metric} by {by}",
    "gap": "largest difference",
    "between": "highest: {highest}, lowest: {lowest}",
    "baseline.majority": "majority class {value}",
    "baseline.chance": "chance {value}",
    "baseline.on": "on {n} rows",
    "more_parts.one": "{n} more, on the page",
    "more_parts.other": "{n} more, on the page",
    "more_panels.one": "{n} more metric by group or slice, with a difference that is less sure or none, on the page",
    "more_panels.other": "{n} more metrics by group or slice, with a difference that is less sure or none, on the page",
    "more_metrics": "{n} more metrics, on the page",
    "column.name": "Metric",
    "column.value": "Value",
    "column.interval": "Interval",
    "column.n": "n",
    "column.baseline": "Baseline",
    "n": "n={n}",
    "advice":
        "Lines of a policy.yaml that would judge this (`--policy policy.yaml`). The bounds are a beginning; set them "
        "to what the deployment needs:",
    "policy": "Policy lines",
    "unchecked": "Measured, not judged: {value} {interval}, n={n}",
}
