"""Every probe is run against planted models whose behaviour is known, on the rows of the audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from auditkit.errors import MeasurementError
from auditkit.load.sampling import limit
from auditkit.measure.measurement import measure
from auditkit.models.scripted.planted import PlantedAdapter
from auditkit.schema import Benchmark, Estimate, Output, PlantedReading, Request, Sample, SelfTestReading
from auditkit.stats.intervals import interval

LEVEL = 0.9999
"""Level of the interval that must hold a random behaviour's expected value."""
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
        One reading an expectation of the card. A fixed behaviour must read its value exactly (to 1e-12), a random
        one inside its 99.99 % interval.
    """
    clean = [sample for sample in samples if not sample.variant]
    rows = clean if len(clean) <= MOST_SAMPLES else limit(clean, MOST_SAMPLES, seed)
    readings = []
    asked = {sample.id: requests[sample.id] for sample in rows}
    for planted in sorted({expected.planted for expected in card.planted}):
        outputs = planted_outputs(planted, rows, asked)
        estimates = measure(card, rows, outputs, level=LEVEL, seed=seed, pooled_only=True).estimates
        by_use = {(estimate.id.metric, estimate.id.arm): estimate for estimate in estimates}
        readings += [
            _reading(expected, by_use[expected.metric, expected.arm])
            for expected in card.planted if expected.planted == planted
        ]
    return readings


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
    elif value is None or expected.value is None:
        ok = False
    elif expected.expect == "exactly":
        ok = abs(value - expected.value) <= 1e-12
    else:
        ok = (low is None or low <= expected.value) and (high is None or expected.value <= high)
    return SelfTestReading(
        planted=expected.planted, estimate=estimate.id, expect=expected.expect, expected=expected.value, value=value,
        low=low, high=high, n=estimate.n, ok=ok,
    )
