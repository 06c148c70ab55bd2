"""The section of methods and signatures."""

WORDS = {
    "title": "Methods and signatures",
    "intervals": "Intervals",
    "intervals.lead":
        "An interval holds the values that the data do not contradict at its level. Samples that share a "
        "template, passage or pair are a cluster and count together. The worst-case interval runs from the lower "
        "limit with every unscored sample set to the lowest score, to the upper limit with all set to the "
        "highest; where that is not known (a wrong translation may be of any length) it runs to the end of the "
        "range. Failures of blocking checks are corrected for their number (Holm); a pass needs every blocking "
        "check at its own level.",
    "interval.exact": "Exact (Clopper–Pearson)",
    "interval.exact.why":
        "For hits among samples that share nothing. It never covers less than it promises, and is slightly wide.",
    "interval.wilson": "Wilson with an effective n",
    "interval.wilson.why":
        "For a share whose samples come in clusters, such as rows written from one template. Rows of a cluster "
        "resemble each other, so they count as fewer independent ones, and Student’s t allows for few clusters.",
    "interval.pairs": "Bonett–Price for pairs",
    "interval.pairs.why":
        "For a mean of +1, −1 and 0. The two sides of a pair are analysed together; clusters shrink the effective"
        " n.",
    "interval.t": "Student’s t",
    "interval.t.why": "For a mean with a standard error taken over clusters.",
    "interval.bootstrap": "Bootstrap over clusters",
    "interval.bootstrap.why":
        "For a statistic without a formula: clusters are drawn again and again with a recorded seed, and the "
        "interval is read from the results after a correction for bias and skew.",
    "interval.compound": "Contrast of estimates",
    "interval.compound.why":
        "For differences and ratios. Each side keeps its own interval; the two are joined (Newcombe for "
        "differences, MOVER for ratios). Over several groups all pairs are contrasted, at a level that allows for"
        " their number.",
    "names": "Named in the tables as: {names}.",
    "subject": "Signature: the subject",
    "subject.lead": "These parts name exactly one model as it was loaded.",
    "fact.fingerprint": "fingerprint",
    "fact.family": "family",
    "instruments": "Signature: the instruments",
    "instruments.lead": "Two numbers may be compared only where all these parts are equal.",
    "no_signature": "The audit holds no signature for these numbers.",
    "policy": "Policy",
    "policy.named": "**{policy}**",
    "policy.described": "**{policy}**: {description}",
    "checks": "Checks of the policy",
    "column.rule": "Rule",
    "column.what": "Bounds",
    "column.limit": "Limit",
    "column.severity": "Effect",
    "column.demands": "Demands",
    "demands":
        "{level} interval, ≥ {samples} samples, ≥ {clusters} clusters, ≤ {unscored} unscored, ≤ {errored} errored",
    "waivers": "Waivers",
    "waiver": "{owner}, until {expires}, bound {bound}: {reason}",
    "rules": "Rules",
    "rule.why": "**Why a failure is bad.** {text}",
    "rule.example": "**Example.** {text}",
    "rule.todo": "**What to do.** {text}",
    "references": "{references}.",
    "versions": "Versions",
}
