"""A metric: a function from a sample and an output to a score."""

from auditkit.measure.answers import read
from auditkit.measure.definition import metric
from auditkit.schema import Output, Sample, Score


@metric("example_hits", range=(0, 1), direction="higher", title="Hits")
def example_hits(sample: Sample, output: Output) -> Score:
    """Share of samples whose answer is the target: 1 or 0."""
    answer = read(sample, output)
    values = {} if answer.label is None else {answer.label: float(answer.label == sample.target)}
    return answer.score(sample, "example_hits", values)
