"""Which samples an estimate cites: a fixed, seeded rule, so that nobody picks the examples."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from auditkit.schema import Cited, Direction
from auditkit.stats.columns import Codes, Floats, Mask, Strings

Scores = TypeVar("Scores", float, Floats)
K = 4
"""Samples cited of each sort."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Scored units as columns, as far as citing looks at them."""

    ids: Sequence[str]
    """Of the samples, or of the origins."""
    values: Floats
    """Shape (n,); NaN where a unit has no score."""
    reasons: Strings
    """Shape (n,): why there is no score; empty where there is one."""
    margins: Floats
    """Shape (n,): how far the answer is ahead of the next one; 0 where it has no scores."""


def cite(
    candidates: Candidates,
    *,
    direction: Direction,
    range: tuple[float, float],
    ideal: float | None,
    value: float | None,
    seed: int,
    k: int = K,
) -> Cited:
    """Choose k extreme, k typical and k unscored units.

    Extreme: those that are worse than the best possible score in the estimate's unfavourable direction, worst score
    first, then largest margin; where the ideal lies in the middle, the side on which the estimate lies (both, if it is
    at the ideal). Typical: nearest the estimate, then nearest the median margin, the extreme ones apart. Unscored:
    any without a score that could have had one. What is still equal is ordered by a hash of seed and id. None of it
    depends on the order of the candidates.

    Returns:
        Ids of units, in the place of ids of samples.
    """
    if k == 0:
        return Cited()
    values, margins = candidates.values, candidates.margins
    scored = np.flatnonzero(~np.isnan(values))
    distances = badness(direction, range, ideal, value)(values)
    worse = scored[distances[scored] > 0]
    extreme = _first(k, worse, (-distances[worse], -margins[worse]), candidates.ids, seed)
    typical: list[int] = []
    if value is not None:
        others = scored[~np.isin(scored, extreme)]
        middle = float(np.median(margins[scored])) if len(scored) else 0.0
        nearest = (np.abs(values[others] - value), np.abs(margins[others] - middle))
        typical = _first(k, others, nearest, candidates.ids, seed)
    missing = np.flatnonzero((candidates.reasons != "") & (candidates.reasons != "outside"))
    unscored = _first(k, missing, (), candidates.ids, seed)
    names = [tuple(candidates.ids[place] for place in places) for places in (extreme, typical, unscored)]
    return Cited(extreme=names[0], typical=names[1], unscored=names[2])


def _first(k: int, places: Codes, keys: tuple[Floats, ...], ids: Sequence[str], seed: int) -> list[int]:
    """The k places with the smallest keys, the first key deciding first; equal ones in the order of their hashes."""
    if keys and len(places) > k:
        # hashes are made only of those that might be among the first: all that are no larger than the k-th
        order = np.lexsort(keys[::-1])
        last = order[k - 1]
        tied = k + int(np.searchsorted(_above(keys, order[k:], last), True))
        order = order[:tied]
        places, keys = places[order], tuple(key[order] for key in keys)
    names = [_hash(seed, ids[place]) for place in places]
    ranked = sorted(np.arange(len(places)).tolist(), key=lambda row: (*(key[row] for key in keys), names[row]))
    return [int(places[row]) for row in ranked[:k]]


def _above(keys: tuple[Floats, ...], rows: Codes, last: int) -> Mask:
    """Which of some rows, in order of their keys, have other keys than the row `last`; shape (rows,)."""
    return np.asarray(np.any([key[rows] != key[last] for key in keys], axis=0))


def badness(
    direction: Direction, range: tuple[float, float], ideal: float | None, value: float | None
) -> Callable[[Scores], Scores]:
    """How far a score, or each of several, is from the best possible one, in the unfavourable direction; negative on
    the favourable side.

    Where the ideal lies in the middle, the side on which `value` lies is unfavourable; both, if it is at the ideal or
    not known.
    """
    low, high = range
    if direction == "lower":
        return lambda score: score - low
    if direction == "higher":
        return lambda score: high - score
    centre = 0.0 if ideal is None else ideal
    if value is None or value == centre:
        return lambda score: abs(score - centre)
    sign = 1.0 if value > centre else -1.0
    return lambda score: sign * (score - centre)


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest()
