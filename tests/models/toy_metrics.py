"""Metrics of the tests: the simplest reading of each kind of answer."""

from __future__ import annotations

from auditkit.measure.definition import metric
from auditkit.schema import Number, Output, Probabilities, Sample, Score, Similarities, SpanAnswer, Tags


def _score(name: str, sample: Sample, right: float | None) -> Score:
    return Score(sample_id=sample.id, metric=name, value=right, reason="unparsed" if right is None else None)


@metric("toy_tags", range=(0, 1), direction="higher")
def toy_tags(sample: Sample, output: Output) -> Score:
    """Share of the words with the right tag."""
    if not isinstance(output.answer, Tags):
        return _score("toy_tags", sample, None)
    pairs = zip(output.answer.tags, sample.tags, strict=True)
    return _score("toy_tags", sample, sum(one == other for one, other in pairs) / len(sample.tags))


@metric("toy_span", range=(0, 1), direction="higher")
def toy_span(sample: Sample, output: Output) -> Score:
    """Whether the span is a reference, or empty where there is none."""
    said = output.answer.text if isinstance(output.answer, SpanAnswer) else None
    right = None if said is None else float(said in sample.references or (not said and not sample.references))
    return _score("toy_span", sample, right)


@metric("toy_number", range=(0, 1), direction="higher")
def toy_number(sample: Sample, output: Output) -> Score:
    """Whether the number is within one half of the target."""
    value = output.answer.value if isinstance(output.answer, Number) else None
    near = None if value is None else float(abs(value - float(sample.target or 0)) <= 0.5)
    return _score("toy_number", sample, near)


@metric("toy_classes", range=(0, 1), direction="higher")
def toy_classes(sample: Sample, output: Output) -> Score:
    """Whether exactly the true classes have a probability above one half."""
    found = output.answer.classes if isinstance(output.answer, Probabilities) else None
    right = None if found is None else float({n for n, p in found.items() if p > 0.5} == set(sample.references))
    return _score("toy_classes", sample, right)


@metric("toy_nearest", range=(0, 1), direction="higher")
def toy_nearest(sample: Sample, output: Output) -> Score:
    """Whether the most similar choice is the target."""
    found = output.answer.values if isinstance(output.answer, Similarities) else None
    right = None if found is None else float(sample.labels[found.index(max(found))] == sample.target)
    return _score("toy_nearest", sample, right)
