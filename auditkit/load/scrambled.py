"""Twins that show whether a model tells a sentence from its scrambled words.

A preference between two sentences says nothing of a model that knows no language: untrained weights prefer the
stereotype in half of the pairs. So each pair is asked once more, with one of its sentences beside the same words in
another order.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence

from auditkit.load.shared_words import Span
from auditkit.schema import PLAUSIBILITY, Benchmark, Choice, Sample, variant_name

_FEWEST_WORDS = 3
"""A text with fewer words between blanks is scrambled by its characters: many scripts put no blanks."""
_MARKS = ".!?。！？…"
"""They close a sentence, and stay where they are."""


def plausibility_twins(card: Benchmark, samples: Iterable[Sample]) -> list[Sample]:
    """A twin of each pair of whole texts of which one is a stereotype, in the arm `plausibility`.

    Args:
        card: the benchmark; of one that does not compare whole texts there are none.
        samples: its samples.

    Returns:
        Samples with the same origin, groups, clusters and metadata, and a text and its scrambled words as choices; none
        of texts that cannot be put in another order.
    """
    if card.request != "compare":
        return []
    return [twin for sample in samples if "stereotype" in sample.labels for twin in _twins(sample)]


def after_first_word(texts: Sequence[str]) -> list[tuple[Span, ...]]:
    """The character range of each text that is scored: all but the first word, which both orders share."""
    return [((_end_of_first(text), len(text)),) for text in texts]


def _end_of_first(text: str) -> int:
    words = text.split()
    return len(words[0]) if len(words) >= _FEWEST_WORDS else 1


def _twins(sample: Sample) -> Iterator[Sample]:
    # all chance follows from the sample's id, so that a smaller audit asks the same of the same pair
    chance = random.Random(int(hashlib.sha256(sample.id.encode()).hexdigest(), 16))  # noqa: S311 (not for secrets)
    text = chance.choice(sample.choices).text
    scrambled = _scrambled(text, chance)
    if scrambled == text:
        return
    choices = [Choice(text=text, label="plausible"), Choice(text=scrambled, label="scrambled")]
    chance.shuffle(choices)
    yield sample.model_copy(update={
        "id": variant_name(sample.id, PLAUSIBILITY), "arm": PLAUSIBILITY, "target": "plausible",
        "choices": tuple(choices),
    })


def _scrambled(text: str, chance: random.Random) -> str:
    """The words of a text in another order, all but the first; the same mark at the end.

    The first word stays, since models without a token before it, and servers, give it no log-probability.
    """
    body = text.rstrip(_MARKS)
    end = text[len(body):]
    words, blank = body.split(), " "
    if len(words) < _FEWEST_WORDS:
        words, blank = list(body), ""
    rest = words[1:]
    if len(set(rest)) < 2:
        return text
    while rest == words[1:]:
        chance.shuffle(rest)
    return f"{blank.join([*words[:1], *rest])}{end}"
