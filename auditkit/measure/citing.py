"""Which samples an estimate cites: a fixed, seeded rule, so that nobody picks the examples."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from auditkit.schema import Cited, Direction, Reason

K = 4
"""Samples cited of each sort."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored unit, as far as citing looks at it."""

    id: str
    """The sample, or the origin."""
    members: tuple[str, ...]
    """Ids of the samples to cite for it."""
    value: float | None
    reason: Reason | None
    margin: float
    """How far the answer is ahead of the next one; 0 where it has no scores."""


def cite(
    candidates: list[Candidate],
    *,
    direction: Direction,
    range: tuple[float, float],
    ideal: float | None,
    value: float | None,
    seed: int,
    k: int = K,
) -> Cited:
    """Choose k extreme, k typical and k unscored samples.

    Extreme: those that are worse than the best possible score in the estimate's unfavourable direction, worst score
    first, then largest margin; where the ideal lies in the middle, the side on which the estimate lies (both, if it is
    at the ideal). Typical: nearest the estimate, then nearest the median margin, the extreme ones apart. Unscored:
    any without a score that could have had one. What is still equal is ordered by a hash of seed and id. None of it
    depends on the order of the candidates.
    """
    if k == 0:
        return Cited()
    scored = [(candidate, candidate.value) for candidate in candidates if candidate.value is not None]
    distance = badness(direction, range, ideal, value)
    worse = [(distance(score), candidate) for candidate, score in scored if distance(score) > 0]
    worse.sort(key=lambda pair: (-pair[0], -pair[1].margin, _hash(seed, pair[1].id)))
    extreme = [candidate for _, candidate in worse[:k]]
    typical: list[Candidate] = []
    if value is not None:
        others = [(candidate, score) for candidate, score in scored if candidate not in extreme]
        typical = _typical(others, value, median(candidate.margin for candidate, _ in scored) if scored else 0.0, seed)
    missing = [candidate for candidate in candidates if candidate.reason not in (None, "outside")]
    unscored = sorted(missing, key=lambda candidate: _hash(seed, candidate.id))
    return Cited(extreme=_members(extreme), typical=_members(typical[:k]), unscored=_members(unscored[:k]))


def _typical(scored: list[tuple[Candidate, float]], value: float, margin: float, seed: int) -> list[Candidate]:
    """Nearest the estimate first, then nearest the median margin."""
    scored.sort(key=lambda pair: (abs(pair[1] - value), abs(pair[0].margin - margin), _hash(seed, pair[0].id)))
    return [candidate for candidate, _ in scored]


def badness(
    direction: Direction, range: tuple[float, float], ideal: float | None, value: float | None
) -> Callable[[float], float]:
    """How far a score is from the best possible one, in the unfavourable direction; negative on the favourable side.

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


def _members(chosen: list[Candidate]) -> tuple[str, ...]:
    return tuple(member for candidate in chosen for member in candidate.members)


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest()
