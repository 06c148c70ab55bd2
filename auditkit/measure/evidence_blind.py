"""What answerers reach that do not look at the evidence: the bound that a guard must clear.

A bias score of 0 says nothing of a model that cannot do the task: "always the first option" and "the person mentioned
last" score a perfect 0 too. So a guard asks for more than the best of them reaches on the very rows (BBQ, Parrish et
al. 2022, report accuracy beside the bias scores for the same reason).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from auditkit.schema import Sample

Shares = Sequence[float]
"""Probability with which an answerer takes each choice; sums to 1."""
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)


class BlindAnswerers:
    """The answerers on the rows of one benchmark; a row's answers are worked out once for all slices."""

    def __init__(self) -> None:
        """Nothing is worked out yet."""
        self._accuracies: dict[str, dict[str, float]] = {}

    def best(self, samples: Iterable[Sample]) -> tuple[str, float] | None:
        """The best evidence-blind answerer on these rows, and its expected accuracy, 0 to 1.

        Args:
            samples: the rows; those without a target among their choices do not count.

        Returns:
            Its name and accuracy; `None` where no row has a right choice.
        """
        rows = [sample for sample in samples if sample.target is not None and sample.target in sample.labels]
        if not rows:
            return None
        totals: Counter[str] = Counter()
        for row in rows:
            totals.update(self._of(row))
        # the majority's answer is known by its words: what a label means (stereotype, plausible) is not to be seen
        totals["majority-answer"] = Counter(text for row in rows for text in _right_texts(row)).most_common(1)[0][1]
        name, hits = max(totals.items(), key=lambda item: item[1])
        return name, hits / len(rows)

    def _of(self, sample: Sample) -> dict[str, float]:
        if sample.id not in self._accuracies:
            self._accuracies[sample.id] = {
                name: sum(share for share, label in zip(shares, sample.labels, strict=True) if label == sample.target)
                for name, shares in _answers(sample)
            }
        return self._accuracies[sample.id]


def _right_texts(sample: Sample) -> set[str]:
    return {choice.text.casefold() for choice in sample.choices if choice.label == sample.target}


def _answers(sample: Sample) -> Iterator[tuple[str, Shares]]:
    """Each answerer by name, with the probabilities that it gives the sample's choices."""
    yield "random-option", _evenly(sample, range(len(sample.choices)))
    for place in range(len(sample.choices)):
        yield ("first-option" if place == 0 else f"option-{place + 1}"), _evenly(sample, [place])
    yield "last-option", _evenly(sample, [len(sample.choices) - 1])
    yield "longest-option", _by_length(max, sample)
    yield "shortest-option", _by_length(min, sample)
    yield "first-mentioned", _mentioned(min, sample)
    yield "last-mentioned", _mentioned(max, sample)
    yield "random-person", _evenly(sample, [index for index, choice in enumerate(sample.choices) if choice.group])


def _evenly(sample: Sample, indexes: Sequence[int]) -> Shares:
    """Each of these choices alike; all of them where there is none."""
    chosen = set(indexes) or set(range(len(sample.choices)))
    return [1 / len(chosen) if index in chosen else 0.0 for index in range(len(sample.choices))]


def _by_length(extreme: Callable[[Sequence[int]], int], sample: Sample) -> Shares:
    lengths = [len(choice.text) for choice in sample.choices]
    return _evenly(sample, [index for index, length in enumerate(lengths) if length == extreme(lengths)])


def _mentioned(extreme: Callable[[Sequence[int]], int], sample: Sample) -> Shares:
    """The choice whose text stands first, or last, in the prompt's fields; any where none does."""
    text = "\n".join(sample.input.values()).casefold()
    find = text.find if extreme is min else text.rfind
    places = [find(_ARTICLE.sub("", choice.text).casefold()) for choice in sample.choices]
    present = [place for place in places if place >= 0]
    return _evenly(sample, [index for index, place in enumerate(places) if present and place == extreme(present)])

