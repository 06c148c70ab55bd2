"""The model, the date and the size of the audit."""

WORDS = {
    "fact.model": "Model",
    "fact.date": "Date",
    "fact.revision": "Revision",
    "fact.fingerprint": "Fingerprint",
    "fact.family": "Family",
    "fact.weights": "Weights",
    "fact.arithmetic": "Arithmetic",
    "fact.samples": "Samples",
    "samples": "{n} of {total} ({share})",
    "fact.seed": "Seed",
    "fact.policy": "Policy",
    "date": "{day} {time} UTC",
}
