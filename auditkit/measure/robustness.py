"""What variants of the same samples change: each metric on each variant, and its paired difference to the clean arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auditkit.measure.measurement import Measurement, measure, score_arm
from auditkit.measure.table import ScoreTable
from auditkit.measure.units import AnsweredSamples, Outputs
from auditkit.measure.uses import metric_of
from auditkit.schema import FORMAT, Benchmark, Cited, Estimate, MetricUse, Sample, Score, variant_name
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.estimates import Mean, estimate


def measure_variants(
    card: Benchmark, samples: Sequence[Sample], outputs: Outputs, *, level: float = 0.95, seed: int = 0,
    signature_extra: Mapping[str, str] | None = None,
) -> Measurement:
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
        For each variant the metrics on its arm, in the card's order, each followed by its difference.
    """
    clean = [sample for sample in samples if not sample.variant]
    estimates: list[Estimate] = []
    scores: list[Score] = []
    # contrasts between groups are not measured under variants
    card = card.model_copy(update={"metrics": tuple(use for use in card.metrics if not metric_of(use).rates)})
    for variant in dict.fromkeys(sample.variant for sample in samples if sample.variant):
        twins = [_as_clean(sample) for sample in samples if sample.variant == variant]
        measured = measure(
            _as_asked(card, variant), twins, outputs, level=level, seed=seed, pooled_only=True,
            signature_extra={**(signature_extra or {}), "variant": variant},
        )
        scores += measured.scores
        sides = AnsweredSamples(clean, outputs), AnsweredSamples(twins, outputs)
        for use, pooled in zip(card.metrics, measured.estimates, strict=True):
            varied = _of_variant(pooled, variant)
            estimates.append(varied)
            estimates += _difference(card, use, sides, varied)
    return Measurement(tuple(estimates), tuple(scores))


def _as_clean(sample: Sample) -> Sample:
    """The variant as `measure` takes it: a clean sample with an origin of its own."""
    return sample.model_copy(update={"origin": variant_name(sample.origin, sample.variant), "variant": ""})


def _as_asked(card: Benchmark, variant: str) -> Benchmark:
    """The card with the template that a format was asked with, for the signature."""
    if not variant.startswith(FORMAT):
        return card
    return card.model_copy(update={"templates": (card.formats[int(variant.removeprefix(FORMAT)) - 2],)})


def _of_variant(pooled: Estimate, variant: str) -> Estimate:
    """The estimate under the variant's name; no sample is cited for it."""
    name = pooled.id.model_copy(update={"variant": variant})
    return pooled.model_copy(update={"id": name, "cited": Cited()})


def _difference(
    card: Benchmark, use: MetricUse, sides: tuple[AnsweredSamples, AnsweredSamples], varied: Estimate
) -> Iterator[Estimate]:
    """The paired difference of one metric; none where it is not a mean, whose difference is not the mean of paired
    differences."""
    metric = metric_of(use)
    if not isinstance(metric.statistic, Mean):
        return
    clean, twins = (score_arm(card, use, metric, side)[0] for side in sides)
    width = metric.range[1] - metric.range[0]
    yield estimate(
        _paired(clean, twins, varied.id.variant), id=varied.id.model_copy(update={"contrast": "difference"}),
        range=(-width, width), direction="middle", ideal=0.0, level=varied.level, guard=varied.guard,
        signature={**varied.signature, "contrast": "variant - clean, paired by sample"},
    )


def _paired(clean: ScoreTable, twins: ScoreTable, variant: str) -> ScoreColumn:
    """Variant − clean, in the clean units' order; a pair outside the metric's denominator on either side stays out, and
    so does a unit that the variant left as it was."""
    rows = {unit.id: row for row, unit in enumerate(twins.units.units)}
    names = [variant_name(unit.id, variant) for unit in clean.units.units]
    order = np.array([rows[name] for name in names if name in rows], dtype=np.intp)
    before, after = clean.rows(np.array([name in rows for name in names], dtype=np.bool_)), twins.column
    reasons = np.array(
        [
            "outside" if "outside" in pair else pair[0] or pair[1]
            for pair in zip(after.reasons[order], before.reasons, strict=True)
        ],
        dtype=np.str_,
    )
    return ScoreColumn(after.values[order] - before.values, reasons, before.clusters)
