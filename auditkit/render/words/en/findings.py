"""The section of findings, and the titles and facts of one."""

WORDS = {
    "title": "Findings",
    "heading": "Findings, worst first",
    "lead":
        "A check passes only if the whole *worst-case interval* lies inside the limit, and fails only if all of "
        "it lies outside. That interval assumes the least favourable score for every sample that has none. Shares"
        " are in percent, differences of shares in points, scores around 0 carry a sign; brackets hold an "
        "interval in the unit of its value. Numbers are rounded, the verdict is not.",
    "title.waived": "Accepted by a waiver: {rule}",
    "title.error": "Could not be measured: {rule}",
    "title.not_run": "Not run: {rule}",
    "title.with_twin": "{title} ({twin})",
    "twin.absent": "says little alone: {metric} is not checked",
    "twin.not_passed": "says little alone: {metric} {status}",
    "slices": "All {n} slices",
    "column.slice": "Slice",
    "column.status": "Status",
    "column.value": "Value",
    "column.worst": "Worst-case interval",
    "title.not_applicable": "Does not apply to this model: {rule}",
    "fact.estimate": "Estimate",
    "fact.interval": "{level} interval",
    "fact.worst": "Worst-case interval",
    "fact.limit": "Limit",
    "fact.samples": "Samples",
    "fact.clusters": "Clusters",
    "fact.unscored": "Unscored",
    "fact.p": "p of a failure, before Holm",
    "fact.waived_by": "Waived by",
    "scored_of": "{n} scored of {total}",
    "several": "{n} {status}",
    "decides": "decides the verdict",
    "estimate": "Estimate: {link}.",
    "evidence": "Evidence: {links}.",
    "no_evidence": "No sample is cited.",
    "cited": "Cited samples: {n}",
    "nothing_blocks": "No blocking check failed, errored or stayed undecided.",
    "others": "Other findings",
}
