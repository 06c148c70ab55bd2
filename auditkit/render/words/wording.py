"""Statuses, reasons, methods and messages in words that a reviewer reads without a glossary."""

from __future__ import annotations

from auditkit.render.words.numbers import PERCENT, RAW, Scale, count, level, limit, number, places, scale_of
from auditkit.schema import Audit, Check, Estimate, EstimateId, Finding, Reason, Severity, Status
from auditkit.schema.rules import CAUSES, LARGEST_FAMILY, MORE_SAMPLES, NO_SAMPLES, RULES, RuleText

STATUS: dict[Status, str] = {
    "fail": "fails",
    "error": "could not be measured",
    "inconclusive": "inconclusive",
    "pass": "passes",
    "not_applicable": "not applicable",
}
VERDICT: dict[str, str] = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive", "error": "Error"}
SEVERITY: dict[Severity, str] = {
    "block": "blocks the deployment",
    "warn": "warns, does not block",
    "info": "for information",
}
EXIT: dict[int, str] = {
    0: "every blocking check passed",
    1: "at least one blocking check failed",
    3: "no blocking check failed, and at least one is undecided",
    4: "a measurement failed or is incomplete",
}
REASONS: dict[Reason, tuple[str, str]] = {
    "refused": ("refused", "the model declined to answer"),
    "unparsed": ("unparsed", "an answer came, and no option could be read from it"),
    "tied": ("tied", "the best options scored exactly alike"),
    "errored": ("errored", "the request failed"),
    "not_run": ("not run", "the request was never made"),
    "outside": ("outside", "answered, but outside this metric’s denominator; never filled in"),
}
CONTRAST: dict[str, str] = {
    "gap": "largest difference between groups",
    "smallest_ratio": "smallest ratio between groups",
    "difference": "difference to the clean samples",
}
METHODS: dict[str, tuple[str, str]] = {
    "exact": (
        "Exact (Clopper–Pearson)",
        "For hits among samples that share nothing. It never covers less than it promises, and is a little wide.",
    ),
    "wilson": (
        "Wilson with an effective n",
        "For a share whose samples come in clusters, such as rows written from one template. Rows of a cluster "
        "resemble each other, so they count as fewer independent ones, and Student’s t allows for few clusters.",
    ),
    "pairs": (
        "Bonett–Price for pairs",
        "For a mean of +1, −1 and 0. The two sides of a pair are analysed together; clusters shrink the effective n.",
    ),
    "t": ("Student’s t", "For a mean with a standard error taken over clusters."),
    "bootstrap": (
        "Bootstrap over clusters",
        "For a statistic without a formula: clusters are drawn again and again with a recorded seed, and the interval "
        "is read from the results after a correction for bias and skew.",
    ),
    "compound": (
        "Contrast of estimates",
        "For differences and ratios. Each side keeps its own interval; the two are joined (Newcombe for differences, "
        "MOVER for ratios). Over several groups all pairs are contrasted, at a level that allows for their number.",
    ),
}
RELIABILITY: dict[str, str] = {
    "valid": "adds up: the attributions sum to the change of the score",
    "not_converged": "the attributions do not sum to the change of the score",
    "not_served": "the explained score is not the score that was served",
    "non_finite": "the attributions hold infinite or undefined numbers",
}


def status_word(finding: Finding) -> str:
    """The status in words; a failure that only warns says so, and so does a pass that rests on a waiver."""
    if finding.status == "fail" and finding.check.severity != "block":
        return "fails (warning)"
    return "waived" if finding.cause == "waived" else STATUS[finding.status]


def humane(name: str) -> str:
    """`bias_score` → `bias score`, `race-ethnicity` stays as it is."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def rule_text(finding: Finding) -> RuleText:
    """The rule's words; a plain stand-in for a rule that no catalogue describes."""
    known = RULES.get(finding.rule)
    if known is not None:
        return known
    metric = humane(finding.check.metric)
    return RuleText(
        code=finding.rule,
        name=finding.check.metric.replace("_", "-"),
        passing=f"{capital(metric)} is within its limit",
        failing=f"{capital(metric)} is outside its limit",
        inconclusive=f"Whether {metric} is within its limit is undecided",
        what=f"Bounds {metric} on {finding.check.benchmark}.",
        why="The rule comes from a plugin that ships no documentation text.",
        example="",
        todo="Ask the plugin’s author.",
        references=(),
    )


def finding_title(finding: Finding) -> str:
    """The title for the finding's status."""
    text = rule_text(finding)
    if finding.cause == "waived":
        return f"Accepted by a waiver: {text.name.replace('-', ' ')}"
    titles: dict[Status, str] = {
        "pass": text.passing,
        "fail": text.failing,
        "inconclusive": text.inconclusive,
        "error": f"Could not be measured: {text.name.replace('-', ' ')}",
        "not_applicable": f"Does not apply to this model: {text.name.replace('-', ' ')}",
    }
    return titles[finding.status]


def part(name: EstimateId) -> str:
    """Which part of the rows: `all rows`, `gender`, `gender: female`, `gender: largest difference`."""
    if name.contrast is not None:
        contrast = CONTRAST[name.contrast]
        return contrast if name.axis is None else f"{name.axis}: {contrast}"
    if name.group is not None:
        return f"{name.axis}: {name.group}"
    return ", ".join(f"{key} {value}" for key, value in sorted(name.slice.items())) or "all rows"


def measured(check: Check) -> str:
    """What a check looks at, in words: `stereotype score on stereotype-pairs, arm pair, all rows`."""
    arm = "" if check.arm == "all" else f", {humane(check.arm)} arm"
    variant = f", variant {check.variant}" if check.variant else ""
    return f"{humane(check.metric)} on {check.benchmark}{arm}{variant}, {part(check.estimate)}"


def _floating(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def finding_places(finding: Finding, estimate: Estimate | None) -> int | None:
    """Decimals that keep the numbers of a finding apart from its bound."""
    if estimate is None:
        return None
    values = (estimate.value, estimate.low, estimate.high, *estimate.worst_case)
    return places(scale_of(estimate), values, finding.check.region(estimate).limits)


def _guard_scale(estimate: Estimate | None, audit: Audit) -> Scale:
    if estimate is not None and estimate.guard is not None:
        guarding = estimate.guard.estimate(estimate.id.benchmark)
        for other in audit.estimates:
            if other.id == guarding:
                return scale_of(other)
    return PERCENT


def _guard_name(estimate: Estimate | None) -> str:
    """`accuracy, disambiguated arm`."""
    guard = estimate.guard if estimate is not None else None
    if guard is None:
        return "its guard"
    return humane(guard.metric) + ("" if guard.arm == "all" else f", {humane(guard.arm)} arm")


def _waiver(finding: Finding, audit: Audit) -> str:
    for waiver in audit.policy.waivers:
        if waiver.finding == finding.id:
            bound = number(waiver.accepted_bound)
            return f" up to a bound of {bound} until {waiver.expires.isoformat()}, because: {waiver.reason}"
    return ""


def _words(finding: Finding, estimate: Estimate | None, audit: Audit) -> dict[str, str]:
    """Everything that a cause's sentence may name."""
    given, check = finding.parameters, finding.check
    scale = scale_of(estimate) if estimate else RAW
    guard = _guard_scale(estimate, audit)
    decimals = finding_places(finding, estimate)
    ends: tuple[float | None, float | None] = estimate.worst_case if estimate else (None, None)
    values = {key: _floating(given.get(key)) for key in ("value", "low", "high", "worst_low", "worst_high", "bound")}
    low = ends[0] if values["worst_low"] is None else values["worst_low"]
    high = ends[1] if values["worst_high"] is None else values["worst_high"]
    words = {key: scale.full(value, decimals) for key, value in values.items()}
    lost = {"errored": estimate.lost, "total": estimate.total} if estimate else {}
    for key in ("n", "clusters", "n_to_decide", "largest_family", "errored", "total"):
        known = _floating(given.get(key, lost.get(key)))
        words[key] = "an unknown number of" if known is None else count(round(known))
    for key in ("guard_low", "guard_bound"):
        words[key] = guard.full(_floating(given.get(key)))
    unscored = _floating(given.get("unscored_share"))
    return words | {
        "guard_metric": _guard_name(estimate),
        "selftest": str(given.get("selftest") or "see the self-test"),
        "unscored_share": "An unknown share" if unscored is None else PERCENT.full(unscored),
        "limit": limit(check, estimate, decimals),
        "worst": scale.interval(low, high, decimals),
        "interval": scale.interval(values["low"], values["high"], decimals),
        "level": level(check.level),
        "target": measured(check),
        "min_samples": count(check.min_samples),
        "min_clusters": count(check.min_clusters),
        "max_unscored": PERCENT.full(check.max_unscored),
        "max_errored": PERCENT.full(check.max_errored),
        "owner": finding.waived_by or "an unnamed owner",
        "waiver": _waiver(finding, audit),
    }


def _left_open(estimate: Estimate | None) -> bool:
    """Whether it depends on the unscored samples where the value lies."""
    return estimate is not None and estimate.at_lowest_fill.value != estimate.at_highest_fill.value


def finding_reason(finding: Finding, estimate: Estimate | None, audit: Audit) -> str:
    """Why the status holds, with the numbers."""
    words = _words(finding, estimate, audit)
    sentences = [CAUSES[finding.cause].format_map(words)]
    if finding.cause == "not_applicable" and finding.check.benchmark in audit.not_applicable:
        sentences.append(capital(audit.not_applicable[finding.check.benchmark].rstrip(".")) + ".")
    if finding.parameters.get("n_to_decide") is not None:
        sentences.append(MORE_SAMPLES.format_map(words))
    elif finding.cause == "straddles" and "n_to_decide" in finding.parameters and _left_open(estimate):
        sentences.append(NO_SAMPLES)
    if finding.parameters.get("largest_family") is not None:
        sentences.append(LARGEST_FAMILY.format_map(words))
    return capital(" ".join(sentences))


def scale_sentence(estimate: Estimate) -> str:
    """The range and which way is better: `0 % to 100 %; lower is better`."""
    scale = scale_of(estimate)
    low, high = (scale.full(end, 0) for end in estimate.range)
    if estimate.direction == "middle":
        ideal = scale.full(estimate.ideal or 0.0, 0)
        return f"from {low} to {high}; {ideal} is ideal"
    return f"from {low} to {high}; {estimate.direction} is better"


def unscored_words(unscored: dict[Reason, int]) -> str:
    """`3 refused, 2 tied`, in the order of the glossary; `none` where all are scored."""
    parts = [f"{count(unscored[reason])} {REASONS[reason][0]}" for reason in REASONS if unscored.get(reason)]
    return ", ".join(parts) or "none"


def p_words(value: float | None) -> str:
    """A p-value to two digits, never as 0."""
    if value is None:
        return ""
    return "< 0.0001" if value < 1e-4 else number(round(value, 4))
