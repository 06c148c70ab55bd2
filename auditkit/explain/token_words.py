"""From tokens to words, and how far two rankings of words agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class TokenWords:
    """The words of a text, and which of them each token belongs to."""

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
) -> TokenWords:
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
    # words that one token reaches over are merged: each then leads to the first of them
    leader = list(range(len(spans)))
    keys: list[tuple[str, int] | None] = []
    for index, ((start, end), skip) in enumerate(zip(offsets, special, strict=True)):
        touched = [] if skip else [word for word, (low, high) in enumerate(spans) if start < high and end > low]
        for word in touched:
            leader[word] = leader[touched[0]]
        keys.append(None if skip else ("word", leader[touched[0]]) if touched else ("token", index))
    # words are numbered in the order in which tokens first reach them, which is the order of the text
    number = {key: index for index, key in enumerate(dict.fromkeys(key for key in keys if key is not None))}
    of_token = tuple(None if key is None else number[key] for key in keys)
    members: list[list[int]] = [[] for _ in number]
    for index, of_word in enumerate(of_token):
        if of_word is not None:
            members[of_word].append(index)
    texts = tuple(_text(text, [offsets[token] for token in word], tokens[word[0]]) for word in members)
    return TokenWords(texts, of_token)


def _text(text: str, ranges: Sequence[tuple[int, int]], token: str) -> str:
    """The part of the text that a word's own tokens cover: a neighbouring special token is not in it."""
    covered = text[min(start for start, _ in ranges) : max(end for _, end in ranges)]
    if covered.strip():
        return covered.strip()
    return "⏎" if "\n" in covered else "␣" if covered else token
