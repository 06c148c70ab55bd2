"""The checks that a user could begin with, for what an audit measures where no pack brings any.

They are a beginning, not a judgement of what a deployment may do: the lines say so wherever they are printed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from auditkit.schema.declared import CROSSED, UNKNOWN, DeclaredMetric, DeclaredPart
from auditkit.schema.estimate_id import EstimateId
from auditkit.schema.policy import Check
from auditkit.schema.rule import GENERIC

LARGEST_GAP = 0.10
"""Difference between groups that is allowed, as a share of the metric's range, where the groups are large enough."""
MOST_MISSING = 0.10
"""Share of missing answers that is allowed."""
SMALLEST_COMPARED = 10
"""Smaller groups are by default not compared with others."""
FEWEST_CLUSTERS: int = Check.model_fields["min_clusters"].default
"""With fewer independent rows in a compared group nothing is decided."""
STEP = 0.05
"""Bounds of gaps are multiples of it."""
MOST_CHECKS = 12
"""Beyond this number of checks each failure would be corrected so far that few could be shown."""
MAJORITY, GUESSING = "majority", "random"
"""Planted answerers that read no text, whose readings are baselines."""
NAME = "my-policy"
"""Name of the policy that the checks begin."""
CLASS_MARK = ":"
"""Stands between a rate and the class that it is of: `false_positive_rate:toxic`."""
EQUALIZED_ODDS = "equalized_odds_difference"
_RULES = {("accuracy", "gap"): "AK101", ("unscored_share", None): "AK106", ("unscored_share", "gap"): "AK107"}
"""Metric and contrast to the rule that speaks of them; the generic rule speaks of the others."""


def starting_checks(
    declared: Sequence[DeclaredMetric], baselines: Mapping[EstimateId, float], sizes: Mapping[EstimateId, int]
) -> tuple[Check, ...]:
    """A check of each metric against its baseline, of missing answers, and of the gap between an axis' groups.

    Args:
        declared: what the audited rows hold.
        baselines: pooled estimates to what an answerer reaches that reads no text (the majority class): the least that
            a model must beat. A metric without one is bounded between groups only.
        sizes: rates of groups to the rows in their denominators.
    """
    checks = [
        check for metric in declared if CLASS_MARK not in metric.metric
        for check in (*_pooled(metric, baselines), *_gaps(metric))
    ]
    odds = [metric for metric in declared if metric.metric.startswith(f"{EQUALIZED_ODDS}{CLASS_MARK}")]
    # of two classes each says the same: one's false positives are the other's misses
    checks += [check for metric in (odds[:1] if len(odds) == 2 else odds) for check in _odds(metric, sizes)]
    return tuple(checks[:MOST_CHECKS])


def _odds(metric: DeclaredMetric, sizes: Mapping[EstimateId, int]) -> Iterator[Check]:
    """Equalised odds of a class: the larger gap of its hits and its false positives."""
    for axis, contrast in metric.contrasts:
        if contrast != "gap" or CROSSED in axis:
            continue
        compared = [
            [
                size for name, size in sizes.items()
                if (name.benchmark, name.metric, name.axis) == (metric.benchmark, rate, axis)
                and name.group not in (None, UNKNOWN) and size >= SMALLEST_COMPARED
            ]
            for rate in metric.made_of
        ]
        bound = gap_bound(min(map(min, compared))) if all(len(groups) > 1 for groups in compared) else None
        if bound is not None and bound < 1:
            yield _check(metric, axis, "gap", bound)


def _pooled(metric: DeclaredMetric, baselines: Mapping[EstimateId, float]) -> Iterator[Check]:
    if not metric.parts:
        return
    estimate = metric.id(metric.parts[0])
    if metric.metric == "unscored_share":
        yield _check(metric, None, None, MOST_MISSING)
    elif metric.mean and metric.direction == "higher" and estimate in baselines:
        bound = math.ceil(baselines[estimate] * 1000) / 1000
        if metric.range[0] < bound < metric.range[1]:
            yield _check(metric, None, None, bound)


def _gaps(metric: DeclaredMetric) -> Iterator[Check]:
    for axis, contrast in metric.contrasts:
        if contrast != "gap" or metric.range != (0.0, 1.0) or CROSSED in axis:
            continue
        sizes = [
            _effective(part) for part in metric.groups if part.axis == axis and part.rows >= SMALLEST_COMPARED
        ]
        bound = gap_bound(min(sizes)) if len(sizes) > 1 else None
        if bound is not None:
            yield _check(metric, axis, "gap", bound)


def _effective(part: DeclaredPart) -> int:
    """Rows of a part that count as independent: n²/Σ n_c², rounded down."""
    return int(part.rows**2 / sum(size * size * number for size, number in part.cluster_sizes) + 1e-9)


def gap_bound(smallest: int) -> float | None:
    """The least gap, in steps of .05, that groups of this size can be shown to keep within.

    Where two groups are served alike the upper limit of their gap is no lower than that of a group without any error:
    Clopper and Pearson's 1 − .025^(1/n). The bound is twice that, so that a model with some errors can pass too.

    Args:
        smallest: independent rows of the smallest group.

    Returns:
        0.10 or more; `None` where the group is too small for any.
    """
    if smallest < FEWEST_CLUSTERS:
        return None
    limit: float = 2 * (1 - 0.025 ** (1 / smallest))
    return round(max(LARGEST_GAP, math.ceil(limit / STEP - 1e-9) * STEP), 2)


def _check(metric: DeclaredMetric, axis: str | None, contrast: str | None, bound: float) -> Check:
    return Check.model_validate({
        "rule": _RULES.get((metric.metric, contrast), GENERIC), "benchmark": metric.benchmark, "metric": metric.metric,
        "arm": metric.arm, "axis": axis, "contrast": contrast, "bound": bound,
    })


def policy_lines(checks: Sequence[Check]) -> list[str]:
    """A policy file with these checks, of which at least one blocks, a line each."""
    return ["schema_version: 1", f"name: {NAME}", "checks:", *(f"  - {check_line(item)}" for item in checks)]


def check_line(check: Check) -> str:
    """A check as YAML on one line, without what is at its default."""
    values = check.model_dump(mode="json", exclude_defaults=True)
    order = ("rule", "benchmark", "metric", "arm", "slice", "axis", "group", "contrast", "bound")
    keys = [*(key for key in order if key in values), *(key for key in values if key not in order)]
    return "{" + ", ".join(f"{key}: {json.dumps(values[key], ensure_ascii=False)}" for key in keys) + "}"
