"""Dot-and-whisker charts: their labels, their legend, and the sentences that stand in for them."""

WORDS = {
    "ideal": "ideal",
    "limit": "limit {limit}",
    "limits": "limits {low} and {high}",
    "no_interval": "{value}, no interval",
    "part_of_range": "The axis shows {start} to {stop} of a range from {low} to {high}.",
    "description": "{rows}.",
    "description.limited": "Allowed: {limit}. {rows}.",
    "row": "{label}: {value}",
    "row.interval": ", interval {interval}",
    "row.worst": ", worst case {worst}",
    "row.n": ", n {n}",
    "row.status": ", {status}",
    "against_limit": "{metric} against its limit",
    "panel_title": "{metric}: {panel}",
    "legend": "How to read the charts",
    "legend.interval": "value and interval",
    "legend.worst": "thin line: how far unscored samples could stretch it",
    "legend.allowed": "allowed by the policy",
    "legend.error": "error",
}
