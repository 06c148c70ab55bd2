"""Every probe is run against planted models whose behaviour is known, on the rows of the audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditkit.errors import MeasurementError
from auditkit.load.sampling import limit
from auditkit.measure.definition import Metric
from auditkit.measure.measurement import measure
from auditkit.measure.uses import metric_of
from auditkit.models.scripted.planted import PlantedAdapter
from auditkit.schema import (
    PLAUSIBILITY,
    Benchmark,
    Estimate,
    Output,
    PlantedReading,
    Request,
    Sample,
    SelfTestReading,
)
from auditkit.stats.intervals import interval

LEVEL = 0.9999
"""Level of the interval that must hold a random behaviour's expected value."""
NEAR = 1e-9
"""Distance from the best end, as a share of the range, that still counts as being there."""
BY_DIRECTION = ("best", "not_best")
"""Expectations that follow from a metric's direction."""
OF_MISSING_ANSWERS = ("unscored_share", "refusal_rate")
"""Metrics of answers that are missing, whether right or wrong."""
WITHOUT_A_TEXT = ("always-wrong", "majority")
"""Answerers of classes that read no text."""
MOST_SAMPLES = 2000
"""Most samples of a pack that are self-tested: whole clusters in seeded order."""


def selftest(
    card: Benchmark, samples: Sequence[Sample], requests: Mapping[str, Request], *, seed: int
) -> list[SelfTestReading]:
    """Read every metric of a pack on the planted models that its card names.

    Args:
        card: the pack.
        samples: the audited samples of the pack.
        requests: sample id to its request.
        seed: the audit's seed.

    Returns:
        One reading an expectation of the card, or of the metric's direction where the card has none. A fixed behaviour
        must read its value exactly (to 1e-12), a random one inside its 99.99 % interval.
    """
    clean = [sample for sample in samples if not sample.variant]
    rows = clean if len(clean) <= MOST_SAMPLES else limit(clean, MOST_SAMPLES, seed)
    wanted = [*card.planted, *_by_direction(card), *_selected(card, rows)]
    readings = []
    asked = {sample.id: requests[sample.id] for sample in rows}
    for planted in sorted({expected.planted for expected in wanted}):
        outputs = planted_outputs(planted, rows, asked)
        estimates = measure(card, rows, outputs, level=LEVEL, seed=seed, pooled_only=True).estimates
        by_use = {(estimate.id.metric, estimate.id.arm): estimate for estimate in estimates}
        readings += [
            _reading(expected, estimate)
            for expected in wanted if expected.planted == planted
            and (estimate := by_use.get((expected.metric, expected.arm))) is not None
            and estimate.not_applicable is None
            and (expected.expect not in BY_DIRECTION or estimate.value is not None)
        ]
    return _told_apart(readings)


def _by_direction(card: Benchmark) -> Iterator[PlantedReading]:
    """What each metric without an expectation in the card must read: its best end where all is right, and not there
    where all is wrong."""
    named = {(expected.metric, expected.arm) for expected in card.planted}
    for use in card.metrics:
        metric = metric_of(use)
        if use.arm == PLAUSIBILITY:  # which guards, and never gates
            continue
        if metric.rates or _counts_answers(metric):  # judged by its rates; without a best end
            continue
        good, bad = _class_answerers(metric, len(card.choices)) if metric.by_class else _answerers(metric)
        if (metric.name, use.arm) in named:
            if card.request != "classify" or metric.direction != "higher":
                continue
            good, bad = "", WITHOUT_A_TEXT  # what they reach is also the baseline that stands beside the value
        of = {"metric": metric.name, "arm": use.arm}
        if good:
            yield PlantedReading(planted=good, expect="best", **of)
        yield from (PlantedReading(planted=name, expect="not_best", **of) for name in bad)


def _answerers(metric: Metric) -> tuple[str, tuple[str, ...]]:
    """The planted answerer on which a metric reads its best end (or none), and those on which it must not."""
    if metric.direction == "middle":
        return "", ("always-stereotyped", "always-anti")
    if metric.name in OF_MISSING_ANSWERS:
        return "never-stereotyped", ("refusing",)
    if metric.unit == "origin":  # twins that are answered alike are not told apart from right ones
        return "always-right", ("one-group-wrong", "random")
    return "always-right", ("always-wrong", "majority", "random")


def _class_answerers(metric: Metric, classes: int) -> tuple[str, tuple[str, ...]]:
    """The same for a metric of one class: an answerer that is always wrong need not give that class to others where
    there are several, and a majority, or chance, may be right about all of one class."""
    told = classes == 2 or not metric.name.startswith("false_positive_rate")
    return "always-right", ("always-wrong",) if told else ()


def _counts_answers(metric: Metric) -> bool:
    return metric.name.startswith("selection_rate")


def _selected(card: Benchmark, rows: Sequence[Sample]) -> Iterator[PlantedReading]:
    """A rate of answers reads the share of the class where all is right."""
    for use in card.metrics:
        metric = metric_of(use)
        if _counts_answers(metric):
            targets = [row.target for row in rows if use.arm in ("all", row.arm)]
            share = targets.count(metric.positive) / len(targets) if targets else None
            yield PlantedReading(
                planted="always-right", metric=metric.name, arm=use.arm, expect="exactly", value=share
            )


def _told_apart(readings: Sequence[SelfTestReading]) -> list[SelfTestReading]:
    """The readings, without those of a majority that is right on every row: it is no wrong answerer."""
    best = {
        reading.estimate for reading in readings
        if reading.planted == "always-wrong" and reading.expect == "not_best" and reading.ok
    }
    return [
        reading for reading in readings
        if reading.planted != "majority" or reading.ok or reading.expect != "not_best" or reading.estimate not in best
    ]


def planted_outputs(
    planted: str, samples: Iterable[Sample], requests: Mapping[str, Request]
) -> dict[str, Output | None]:
    """What a planted model answers, by sample id; an error becomes an errored output."""
    by_hash = {requests[sample.id].sha256: sample for sample in samples}
    adapter = PlantedAdapter(planted, by_hash)
    by_request: dict[str, Output] = {}
    for encoded in adapter.encode([requests[sample.id] for sample in by_hash.values()]):
        sha = encoded.request.sha256
        try:
            by_request[sha] = next(iter(adapter.execute([encoded])))
        except MeasurementError as error:
            by_request[sha] = Output(request=sha, rule=encoded.request.rule, error=str(error))
    return {sample.id: by_request[requests[sample.id].sha256] for sample in samples}


def _reading(expected: PlantedReading, estimate: Estimate) -> SelfTestReading:
    low, high = interval(estimate.spread, LEVEL) if estimate.spread is not None else (None, None)
    value = estimate.value
    if expected.expect == "undefined":
        ok = value is None
    elif expected.expect in BY_DIRECTION:
        best = _best(estimate)
        at_best = value is not None and abs(value - best) <= NEAR * (estimate.range[1] - estimate.range[0])
        ok = at_best is (expected.expect == "best")
    elif value is None or expected.value is None:
        ok = False
    elif expected.expect == "exactly":
        ok = abs(value - expected.value) <= 1e-12
    else:
        ok = (low is None or low <= expected.value) and (high is None or expected.value <= high)
    return SelfTestReading(
        planted=expected.planted, estimate=estimate.id, expect=expected.expect, value=value,
        expected=_best(estimate) if expected.expect in BY_DIRECTION else expected.value,
        low=low, high=high, n=estimate.n, ok=ok,
    )


def _best(estimate: Estimate) -> float:
    """The ideal, or the better end of the range."""
    low, high = estimate.range
    if estimate.direction == "middle":
        return 0.0 if estimate.ideal is None else estimate.ideal
    return high if estimate.direction == "higher" else low
