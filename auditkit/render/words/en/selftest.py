"""The section of the self-test."""

WORDS = {
    "title": "Self-test",
    "heading": "Self-test on planted models",
    "lead":
        "Planted models behave in a known way. Each metric was measured on them, on this audit’s own rows. For a "
        "fixed behaviour it must read exactly the expected value, for a random one it must come within its "
        "99.99\u00a0% interval; a metric with a wrong reading decides nothing.",
    "none": "No self-test was run.",
    "some_wrong": "{wrong} of {total} readings are wrong.",
    "all_right": "All {total} readings are right.",
    "wrong": "Wrong readings",
    "right": "Right readings",
    "right_folded": "{n} right readings",
    "expect.exactly": "exactly {value}",
    "expect.around": "around {value}",
    "expect.undefined": "{value}",
    "expect.best": "its best value, {value}",
    "expect.not_best": "not its best value, {value}",
    "column.planted": "Planted model",
    "column.metric": "Metric",
    "column.expected": "Must read",
    "column.value": "Reads",
    "column.interval": "99.99\u00a0% interval",
    "column.n": "n",
    "column.reading": "Reading",
    "reading.right": "right",
    "reading.wrong": "wrong",
}
