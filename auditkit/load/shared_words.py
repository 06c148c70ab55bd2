"""Which words two or more texts share: a `compare` request scores those, given the ones that differ.

Follows CrowS-Pairs (Nangia et al. 2020), which compares the likelihood of the unmodified tokens; words are used in
place of tokens, so that the request does not depend on a model's tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_WORD = re.compile(r"\s*\S+")
Span = tuple[int, int]


def shared(texts: Sequence[str]) -> list[tuple[Span, ...]]:
    """Character ranges [start, end) of the words that all texts share, for each text.

    A word is the text between spaces, its punctuation and the space before it included. Neighbouring shared words
    make one range. The result does not depend on the order of the texts. No shared word gives empty tuples.
    """
    words = [[match.span() for match in _WORD.finditer(text)] for text in texts]
    bare = [[text[start:end].strip() for start, end in spans] for text, spans in zip(texts, words, strict=True)]
    # SequenceMatcher is not symmetric: the alphabetically first text is always the reference.
    reference = min(range(len(texts)), key=lambda i: texts[i])
    maps = [_matches(bare[reference], other) for other in bare]
    common = [i for i in range(len(bare[reference])) if all(i in places for places in maps)]
    return [_ranges([places[i] for i in common], spans) for places, spans in zip(maps, words, strict=True)]


def _matches(a: list[str], b: list[str]) -> dict[int, int]:
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return {block.a + i: block.b + i for block in blocks for i in range(block.size)}


def _ranges(indices: list[int], spans: list[Span]) -> tuple[Span, ...]:
    ranges: list[Span] = []
    for position, index in enumerate(indices):
        start, end = spans[index]
        if position and indices[position - 1] == index - 1:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))
    return tuple(ranges)
