"""What a model wrote before its answer, between marks of thought: parted from the answer by one rule.

A block of thought stands at the beginning of the text, `<think> … </think>` or one of its kin below, perhaps several of
them. A text that has only the closing mark began inside a block that its prompt had opened: all up to the last such
mark is thought. What follows is the answer. A block that is never closed was cut: by the limit of tokens, or by a stop
sequence, such as the end of a line, inside it; there is then no answer, which is no wrong one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_MARKS = (
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"), ("<seed:think>", "</seed:think>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
"""Opening and closing marks, as servers pass them on; case does not count."""


class Parted(NamedTuple):
    """A text without its thought."""

    answer: str
    """What follows the thought; the whole text where there is none."""
    closed: bool = True
    """False where the text ends inside a block of thought."""


@lru_cache(maxsize=4096)
def parted(text: str) -> Parted:
    """Part the answer from the thought before it."""
    if not any(mark[0] in text for _, mark in _MARKS) and "<" not in text:
        return Parted(text)
    rest, opened = text, False
    while (match := _opening(rest)) is not None:
        opened = True
        close = re.search(re.escape(match), rest, re.IGNORECASE)
        if close is None:
            return Parted("", closed=False)
        rest = rest[close.end() :]
    if opened:
        return Parted(rest)
    for begin, end in _MARKS:
        if re.search(re.escape(begin), text, re.IGNORECASE):
            continue
        if ends := list(re.finditer(re.escape(end), text, re.IGNORECASE)):
            return Parted(text[ends[-1].end() :])
    return Parted(text)


def _opening(text: str) -> str | None:
    """The closing mark of the block with which a text opens."""
    head = text.lstrip().casefold()
    return next((end for begin, end in _MARKS if head.startswith(begin.casefold())), None)
