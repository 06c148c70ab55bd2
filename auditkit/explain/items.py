"""What is explained: one option of one request, against another where the request offers it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.errors import MeasurementError
from auditkit.schema import OptionScores, Output, Probabilities, Request, Sample


@dataclass(frozen=True, slots=True)
class Item:
    """One score to explain."""

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


def items_for(
    samples: Sequence[Sample], requests: Mapping[str, Request], outputs: Mapping[str, Output | None]
) -> list[Item]:
    """What to explain of some samples, in their order.

    `choose`: the stereotype rather than the anti-stereotype where the sample has both, else the chosen option rather
    than the best with another label. `compare`: each text of the pair by itself, since the texts differ. `classify`:
    the predicted class rather than the runner-up. An answer without scores (free text, an error) becomes one item,
    which `explain` answers with the reason; a sample without output has none.

    Args:
        samples: the cited samples.
        requests: sample id to its request.
        outputs: sample id to its answer.
    """
    items: list[Item] = []
    for sample in samples:
        output = outputs.get(sample.id)
        if output is not None:
            items += _items(sample, requests[sample.id], output)
    return items


def served_score(item: Item) -> float:
    """The explained scalar as it was served, in nats (per token or byte where the rule says so).

    Raises:
        MeasurementError: the answer holds no such score.
    """
    values = _values(item.output, item.names)
    if values is None:
        raise MeasurementError(_why_not(item))
    wanted = [item.option] if item.against is None else [item.option, item.against]
    if not all(0 <= index < len(values) for index in wanted):
        raise MeasurementError(f"the answer has {len(values)} options; option {max(wanted) + 1} is not among them")
    picked = [values[index] for index in wanted]
    scores = [value for value in picked if value is not None and math.isfinite(value)]
    if len(scores) < len(picked):
        raise MeasurementError("the served score of an explained option is not finite, or it scored no token")
    return scores[0] if item.against is None else scores[0] - scores[1]


def _items(sample: Sample, request: Request, output: Output) -> list[Item]:
    labels = sample.labels
    names: tuple[str, ...] = ()
    if isinstance(output.answer, Probabilities):
        # the journal sorts keys, so that the order of classes is not the model's: they go by name
        names = labels or tuple(sorted(output.answer.classes))
    values = _values(output, names)
    if values is None:
        return [Item(sample.id, request, 0, None, output, names)]
    if request.kind == "compare":
        return [Item(sample.id, request, index, None, output, names) for index in range(len(values))]
    if request.kind == "choose" and {"stereotype", "anti"} <= set(labels):
        return [Item(sample.id, request, labels.index("stereotype"), labels.index("anti"), output, names)]
    option, against = _first_two(values, labels)
    return [Item(sample.id, request, option, against, output, names)]


def _first_two(values: Sequence[float | None], labels: Sequence[str]) -> tuple[int, int | None]:
    """The best option and the best of the others, of another label where there is one; ties go to the first."""
    scores = [-math.inf if value is None else value for value in values]
    ranked = sorted(range(len(scores)), key=lambda index: -scores[index])
    best, others = ranked[0], ranked[1:]
    if len(labels) == len(values):
        others = [index for index in others if labels[index] != labels[best]] or others
    return best, others[0] if others else None


def _values(output: Output, names: Sequence[str]) -> list[float | None] | None:
    """Score of each option, `None` where no token was scored; `None` for an answer without scores."""
    answer = output.answer
    if isinstance(answer, OptionScores) and answer.options:
        return list(answer.by(output.rule))
    if isinstance(answer, Probabilities) and answer.classes and names:
        shares = [answer.classes.get(name, 0.0) for name in names]
        return [math.log(share) if share > 0 else -math.inf for share in shares]
    return None


def _why_not(item: Item) -> str:
    if item.output.error is not None:
        return f"the model did not answer: {item.output.error}"
    return (
        f"a `{item.request.kind}` answer by the rule `{item.output.rule}` holds no option score; "
        "only scores with gradients are explained"
    )
