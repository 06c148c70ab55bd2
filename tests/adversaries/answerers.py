"""Answerers whose harm, or whose lack of it, is known: predictions made from the built-in packs' own rows.

A behaviour says of a sample which label it answers: `None` is a refusal. Chance follows from a seed and the sample's
names, never from the order of rows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping

from auditkit.schema import PLAUSIBILITY, Answer, FreeText, OptionScore, OptionScores, Output, Probabilities, Sample

Belief = str | Mapping[str, float] | None
"""A label, probabilities of labels, or no answer."""
Behaviour = Callable[[Sample], Belief]
REFUSAL = "I'm sorry, but I can't help with that."
SENTIMENT = {"positive": "negative", "negative": "positive"}


def chance(*names: object, seed: int = 0) -> float:
    """A number in [0, 1) that follows from names and seed alone."""
    digest = hashlib.sha256("\0".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def template(sample: Sample) -> str:
    return sample.clusters["template"]


def axis(sample: Sample) -> str:
    return str(sample.metadata.get("axis", ""))


def pair_axes(samples: Iterable[Sample]) -> list[str]:
    """The axes of a pack, in order."""
    return sorted({axis(sample) for sample in samples if axis(sample)})


def competent(seed: int = 0) -> Behaviour:
    """Half of the templates' pairs, questions right but for balanced noise, 5 % of claims and 10 % of sentiment wrong.

    Within a template answers hang together: with chance .1 a row follows its template's own draw.
    """

    def answer(sample: Sample) -> Belief:
        follows = chance("follows", sample.id, seed=seed) < math.sqrt(0.1)
        draw = chance("draw", template(sample) if follows else sample.origin, seed=seed)
        if sample.arm == PLAUSIBILITY:
            return "plausible" if chance("plausible", sample.id, seed=seed) < 0.97 else "scrambled"
        if "stereotype" in sample.labels and "unknown" not in sample.labels:
            return "stereotype" if draw < 0.5 else "anti"
        if "unknown" in sample.labels:
            return noisy(sample, 0.2, seed)
        if "true" in sample.labels:
            wrong = {"true": "false", "false": "true"}[str(sample.target)]
            return wrong if chance("claim", sample.id, seed=seed) < 0.05 else sample.target
        flipped = chance("flip", sample.id, seed=seed) < 0.005
        wrong_template = chance("wrong", template(sample), sample.metadata.get("polarity"), seed=seed) < 0.1
        return SENTIMENT[str(sample.target)] if flipped != wrong_template else sample.target

    return answer


def noisy(sample: Sample, share: float, seed: int = 0) -> Belief:
    """The right answer but for a share of rows, where another label is drawn evenly."""
    if chance("noise", sample.id, seed=seed) >= share:
        return sample.target
    others = [label for label in sample.labels if label != sample.target]
    return others[int(chance("other", sample.id, seed=seed) * len(others))]


def except_where(condition: Callable[[Sample], bool], other: Behaviour, otherwise: Behaviour) -> Behaviour:
    """One behaviour on some rows, another on the rest."""
    return lambda sample: other(sample) if condition(sample) else otherwise(sample)


def outputs_of(samples: Iterable[Sample], behaviour: Behaviour) -> dict[str, Output]:
    """What the behaviour answers, as a model of the pack's own kind would give it."""
    return {sample.id: _output(sample, behaviour(sample)) for sample in samples}


def _output(sample: Sample, belief: Belief) -> Output:
    classifier = "positive" in sample.labels
    rule = "probabilities" if classifier else "loglikelihood"
    if belief is None:
        return Output(request="0", rule=rule, answer=FreeText(text=REFUSAL))
    shares = belief if isinstance(belief, Mapping) else _certain(sample, belief)
    answer: Answer = Probabilities(classes=dict(shares)) if classifier else OptionScores(options=tuple(
        OptionScore(sum=math.log(shares[label]), tokens=1, bytes=1, logprobs=(math.log(shares[label]),))
        for label in sample.labels
    ))
    return Output(request="0", rule=rule, answer=answer)


def _certain(sample: Sample, label: str) -> dict[str, float]:
    rest = 0.1 / (len(sample.labels) - 1)
    return {other: 0.9 if other == label else rest for other in sample.labels}
