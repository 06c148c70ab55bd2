"""From tokens to words, and how far two rankings of words agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Words:
    """Words, and which of them each token belongs to."""

    texts: tuple[str, ...]
    of_token: tuple[int | None, ...]
    """Index of the token's word; `None` for special tokens."""

    def scores(self, token_scores: np.ndarray) -> np.ndarray:
        """Sum of the token scores of each word: shape (T,) to (W,). With the special tokens' it keeps the total."""
        sums = np.zeros(len(self.texts))
        for index, score in zip(self.of_token, token_scores, strict=True):
            if index is not None:
                sums[index] += score
        return sums


def join_words(
    text: str, offsets: Sequence[tuple[int, int]], tokens: Sequence[str], special: Sequence[bool]
) -> Words:
    """Join tokens to the words, i.e. runs without white space, that their character ranges lie in.

    A token that reaches over several words makes them one; several tokens of one character (bytes of an emoji) share
    its word. A token of white space alone, or one that stands for no text, is a word of its own: its score must not
    be counted as a neighbour's.

    Args:
        text: what offsets refer to.
        offsets: character range [start, end) of each token, ascending.
        tokens: the tokens for people.
        special: true for tokens that belong to no word.
    """
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    leader = list(range(len(spans)))
    keys: list[tuple[str, int] | None] = []
    for index, ((start, end), skip) in enumerate(zip(offsets, special, strict=True)):
        hits = [] if skip else [word for word, (low, high) in enumerate(spans) if start < high and end > low]
        for word in hits:
            leader[word] = leader[hits[0]]
        keys.append(None if skip else ("word", leader[hits[0]]) if hits else ("token", index))
    order = {key: at for at, key in enumerate(dict.fromkeys(key for key in keys if key is not None))}
    of_token = tuple(None if key is None else order[key] for key in keys)
    members: list[list[int]] = [[] for _ in order]
    for index, member in enumerate(of_token):
        if member is not None:
            members[member].append(index)
    return Words(tuple(_text(text, [offsets[i] for i in m], tokens[m[0]]) for m in members), of_token)


def _text(text: str, ranges: Sequence[tuple[int, int]], token: str) -> str:
    """The part of the text that a word's own tokens cover: a neighbouring special token is not in it."""
    covered = text[min(start for start, _ in ranges) : max(end for _, end in ranges)]
    if covered.strip():
        return covered.strip()
    return "⏎" if "\n" in covered else "␣" if covered else token


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's rank correlation, -1 to 1, ties averaged; `None` for fewer than two values or a constant side.

    Written out because scipy belongs to `stats`, which ranks nothing for explanations.
    """
    if len(first) < 2:
        return None
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return None if norm == 0 else float(np.clip(a @ b / norm, -1.0, 1.0))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: np.ndarray = (last - (counts - 1) / 2)[inverse]
    return ranks
