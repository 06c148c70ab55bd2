"""What variants of the same samples change: each metric on each variant, and its paired difference to the clean arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auditkit.measure.measurement import Measured, measure, metric_of, score
from auditkit.measure.table import Outputs, Table
from auditkit.schema import FORMAT, MARK, Benchmark, Cited, Estimate, MetricUse, Sample, Score
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.estimates import Mean, estimate


def measure_variants(
    card: Benchmark, samples: Sequence[Sample], outputs: Outputs, *, level: float = 0.95, seed: int = 0,
    signature_extra: Mapping[str, str] | None = None,
) -> Measured:
    """Measure every variant among the samples with the card's metrics, pooled, and its difference to the clean arm.

    The difference is variant − clean over the samples that both scored, paired by sample, with an interval that
    respects the clusters; a pair of which one side is not scored is counted by reason, and filled like any other.

    Args:
        card: the benchmark.
        samples: clean samples and their variants.
        outputs: sample id to output; an absent one, or `None`, was not run.
        level: level of the two-sided intervals.
        seed: of any resampling.
        signature_extra: further parts of the signature's instrument half.

    Returns:
        For each variant the metrics on `ARM~VARIANT`, in the card's order, each followed by `[difference]`.
    """
    clean = [sample for sample in samples if not sample.variant]
    estimates: list[Estimate] = []
    scores: list[Score] = []
    for variant in dict.fromkeys(sample.variant for sample in samples if sample.variant):
        twins = [_as_clean(sample) for sample in samples if sample.variant == variant]
        found = measure(
            _as_asked(card, variant), twins, outputs, level=level, seed=seed, pooled_only=True,
            signature_extra={**(signature_extra or {}), "variant": variant},
        )
        scores += found.scores
        for use, made in zip(card.metrics, found.estimates, strict=True):
            moved = _renamed(made, variant)
            estimates.append(moved)
            estimates += _difference(card, use, (clean, twins), outputs, moved)
    return Measured(tuple(estimates), tuple(scores))


def _as_clean(sample: Sample) -> Sample:
    """The variant as `measure` takes it: on its clean arm, with an origin of its own."""
    origin, arm = f"{sample.origin}{MARK}{sample.variant}", sample.arm.removesuffix(f"{MARK}{sample.variant}")
    return sample.model_copy(update={"arm": arm, "origin": origin, "variant": ""})


def _as_asked(card: Benchmark, variant: str) -> Benchmark:
    """The card with the template that a format was asked with, for the signature."""
    if not variant.startswith(FORMAT):
        return card
    return card.model_copy(update={"templates": (card.formats[int(variant.removeprefix(FORMAT)) - 2],)})


def _renamed(made: Estimate, variant: str) -> Estimate:
    arm = f"{made.arm}{MARK}{variant}"
    return made.model_copy(
        update={
            "id": f"{made.benchmark}/{made.metric}@{arm}", "arm": arm, "cited": Cited(),
            "signature": {**made.signature, "arm": arm},
        }
    )


def _difference(
    card: Benchmark, use: MetricUse, sides: tuple[Sequence[Sample], Sequence[Sample]], outputs: Outputs, moved: Estimate
) -> Iterator[Estimate]:
    """The paired difference of one metric; none where it is not a mean, whose difference is not the mean of paired
    differences."""
    metric = metric_of(use)
    if not isinstance(metric.statistic, Mean):
        return
    clean, varied = (score(card, use, metric, side, outputs)[0] for side in sides)
    width = metric.range[1] - metric.range[0]
    made = estimate(
        _paired(clean, varied), id=f"{moved.id}[difference]", benchmark=card.name, metric=metric.name, arm=moved.arm,
        range=(-width, width), direction="middle", ideal=0.0, level=moved.level,
        signature={**moved.signature, "contrast": "variant - clean, paired by sample"},
    )
    yield made.model_copy(update={"contrast": "difference"})


def _paired(clean: Table, varied: Table) -> ScoreColumn:
    """Variant − clean, in the clean units' order; a pair outside the metric's denominator on either side stays out, and
    so does a unit that the variant left as it was."""
    place = {unit.id.rpartition(MARK)[0]: at for at, unit in enumerate(varied.units)}
    order = np.array([place[unit.id] for unit in clean.units if unit.id in place], dtype=np.intp)
    mine = clean.rows(np.array([unit.id in place for unit in clean.units], dtype=np.bool_))
    other = varied.column
    reasons = np.array(
        [
            "outside" if "outside" in (one, two) else one or two
            for one, two in zip(other.reasons[order], mine.reasons, strict=True)
        ],
        dtype=np.str_,
    )
    return ScoreColumn(other.values[order] - mine.values, reasons, mine.clusters)
