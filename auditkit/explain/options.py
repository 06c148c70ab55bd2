"""Which options are explained: one of a request, against another where the request offers it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.errors import MeasurementError
from auditkit.schema import OptionScores, Output, Probabilities, Request, Sample


@dataclass(frozen=True, slots=True)
class ExplainedOption:
    """One option of a request whose score is explained, alone or less that of another."""

    sample_id: str
    request: Request
    option: int
    """Index of the explained option."""
    against: int | None
    """Index of the option it is contrasted with; `None` explains the option's own score."""
    output: Output
    """What was served: the explained score must equal it."""
    names: tuple[str, ...] = ()
    """Class that each option stands for, where a classifier answered."""

    @property
    def indexes(self) -> tuple[int, ...]:
        """Of the explained option, and of the one it is contrasted with."""
        return (self.option,) if self.against is None else (self.option, self.against)


def options_to_explain(
    samples: Sequence[Sample], requests: Mapping[str, Request], outputs: Mapping[str, Output | None]
) -> list[ExplainedOption]:
    """What to explain of some samples, in their order.

    `choose`: the stereotype rather than the anti-stereotype where the sample has both, else the chosen option rather
    than the best with another label. `compare`: each text of the pair by itself, since the texts differ. `classify`:
    the predicted class rather than the runner-up. An answer without scores (free text, an error) becomes one option,
    which `explain` answers with the reason; a sample without output has none.

    Args:
        samples: the cited samples.
        requests: sample id to its request.
        outputs: sample id to its answer.
    """
    explained: list[ExplainedOption] = []
    for sample in samples:
        output = outputs.get(sample.id)
        if output is not None:
            explained += _of_sample(sample, requests[sample.id], output)
    return explained


def served_score(explained: ExplainedOption) -> float:
    """The explained scalar as it was served, in nats (per token or byte where the rule says so).

    Raises:
        MeasurementError: the answer holds no such score.
    """
    values = _values(explained.output, explained.names)
    if values is None:
        raise MeasurementError(_no_score(explained))
    if not all(0 <= index < len(values) for index in explained.indexes):
        number = max(explained.indexes) + 1
        raise MeasurementError(f"the answer has {len(values)} options; option {number} is not among them")
    picked = [values[index] for index in explained.indexes]
    scores = [value for value in picked if value is not None and math.isfinite(value)]
    if len(scores) < len(picked):
        raise MeasurementError("the served score of an explained option is not finite, or it scored no token")
    return scores[0] if explained.against is None else scores[0] - scores[1]


def _of_sample(sample: Sample, request: Request, output: Output) -> list[ExplainedOption]:
    labels = sample.labels
    names: tuple[str, ...] = ()
    if isinstance(output.answer, Probabilities):
        # the journal sorts keys, so that the order of classes is not the model's: they go by name
        names = labels or tuple(sorted(output.answer.classes))
    values = _values(output, names)
    if values is None:
        return [ExplainedOption(sample.id, request, 0, None, output, names)]
    if request.kind == "compare":
        return [ExplainedOption(sample.id, request, index, None, output, names) for index in range(len(values))]
    if request.kind == "choose" and {"stereotype", "anti"} <= set(labels):
        return [ExplainedOption(sample.id, request, labels.index("stereotype"), labels.index("anti"), output, names)]
    option, against = _first_two(values, labels)
    return [ExplainedOption(sample.id, request, option, against, output, names)]


def _first_two(values: Sequence[float | None], labels: Sequence[str]) -> tuple[int, int | None]:
    """The best option and the best of the others, of another label where there is one; ties go to the first."""
    scores = [-math.inf if value is None else value for value in values]
    ranked = sorted(range(len(scores)), key=lambda index: -scores[index])
    best, worse = ranked[0], ranked[1:]
    if len(labels) == len(values):
        worse = [index for index in worse if labels[index] != labels[best]] or worse
    return best, worse[0] if worse else None


def _values(output: Output, names: Sequence[str]) -> list[float | None] | None:
    """Score of each option, `None` where no token was scored; `None` for an answer without scores."""
    answer = output.answer
    if isinstance(answer, OptionScores) and answer.options:
        return list(answer.by(output.rule))
    if isinstance(answer, Probabilities) and answer.classes and names:
        shares = [answer.classes.get(name, 0.0) for name in names]
        return [math.log(share) if share > 0 else -math.inf for share in shares]
    return None


def _no_score(explained: ExplainedOption) -> str:
    output = explained.output
    if output.error is not None:
        return f"the model did not answer: {output.error}"
    return (
        f"a `{explained.request.kind}` answer by the rule `{output.rule}` holds no option score; "
        "only scores with gradients are explained"
    )
