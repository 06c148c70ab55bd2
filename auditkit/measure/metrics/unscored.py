"""How often a model gives no answer that can be read."""

from __future__ import annotations

from auditkit.measure.answers import read, read_classes, read_text
from auditkit.measure.definition import metric
from auditkit.schema import FreeText, OptionScores, Output, Probabilities, Reason, Sample, Score, Similarities
from auditkit.schema.estimate import UNANSWERED


@metric("unscored_share", range=(0, 1), direction="lower", title="Share without an answer")
def unscored_share(sample: Sample, output: Output) -> Score:
    """Share of samples that were asked and gave no answer that can be read: 1 or 0. Range [0, 1], lower is better.

    Refused, unparsed, tied and cut answers count 1. Samples that errored or were not run have no score: those are
    faults of the run, not the model's. By group it shows a model that refuses the rows that name one group, whose
    errors then are in no other number (DecodingTrust, Wang et al. 2023, report abstention for the same reason).
    """
    reason = _reason(sample, output)
    if reason is not None and reason not in UNANSWERED:
        return Score(sample_id=sample.id, metric="unscored_share", value=None, reason=reason)
    return Score(sample_id=sample.id, metric="unscored_share", value=float(reason is not None), answer=reason or "read")


def _reason(sample: Sample, output: Output) -> Reason | None:
    """Why the answer cannot be read; `None` where it can, whether right or wrong."""
    if isinstance(output.answer, FreeText):
        if sample.several:
            return read_classes(output).reason
        return read(sample, output).reason if sample.choices else read_text(output).reason
    if isinstance(output.answer, (OptionScores, Probabilities, Similarities)) and not sample.several:
        return read(sample, output).reason
    return None
