"""The section of attention views."""

WORDS = {
    "title": "Attention views",
    "lead":
        "Descriptive, not causal: where the model looked, which need not be what moved its answer. No finding "
        "rests on these views.",
}
