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
    "interval.share": "Korn–Graubard with one imagined cluster",
    "interval.share.why":
        "For a mean of scores whose samples come in clusters, such as rows written from one template, and for "
        "statistics over all rows by leaving out each cluster in turn. Rows of a cluster resemble each other, so they "
        "count as fewer independent ones. One more cluster, as large as the largest, is imagined to have gone the "
        "other way: what was never seen is not taken for impossible.",
    "interval.compound": "Contrast of estimates",
    "interval.compound.why":
        "For differences and ratios, for what two sides of a pair won from each other, and for scores around 0. Each "
        "side keeps its own interval; MOVER joins the two. Over several groups all pairs are contrasted: the lower "
        "limit of the largest gap allows for their number, the upper limit need not.",
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
