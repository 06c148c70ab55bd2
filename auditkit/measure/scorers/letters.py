"""Which option a text names: anchored at its beginning, never a substring.

'no' is not in 'know', 'A man' is not option A, and a text that names two options names none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

_DECORATION = "*_`\"'“”‘’ \t"
_LEAD = re.compile(
    r"(?:so,?\s+|therefore,?\s+)?(?:the\s+|my\s+)?(?:(?:correct|right|best|final)\s+)?(?:answer|option|choice)"
    r"(?:\s+is(?=[\s:])|\s*:)?\s*:?\s*",
    re.IGNORECASE,
)
_LETTER = re.compile(r"\(([A-Za-z])\)[.:]?(?=\s|$)|([A-Za-z])(?:\)|[.:])(?=\s|$)|([A-Za-z])(?=$)")
_LED = re.compile(r"\(?([A-Za-z])\)?(?=[.,:;)]|$)")
# An "A" before a word in lower case is an article, unless that word joins two options.
_MENTION = re.compile(r"\(([A-Za-z])\)|\b([A-Z])\b(?!['’])(?!\s+(?!(?:or|and|nor|is|was|but)\b)[a-z0-9])")


def read_option(text: str, options: Sequence[str]) -> int | None:
    """Index of the option that an answer names, or `None` where it names none, or more than one.

    Accepted at the beginning of the first line: a letter as `B`, `b`, `(b)`, `B.`, `B) …`, `Answer: B.`; or the
    option's own text, alone or before punctuation.

    Args:
        text: the model's answer.
        options: texts of the options, in the order shown.

    Returns:
        An index in [0, len(options)), never negative.
    """
    lines = [line.strip(_DECORATION) for line in text.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        return None
    first = _line(lines[0], options)
    if first is None:
        return None
    later = {_line(line, options) for line in lines[1:]} - {None}
    return first if later <= {first} else None


def _line(line: str, options: Sequence[str]) -> int | None:
    by_text = _named(line, options)
    if by_text is not None:
        return by_text
    lead = _LEAD.match(line)
    rest = line[lead.end() :].strip(_DECORATION) if lead and lead.group().strip() else line
    if lead and rest != line and (named := _named(rest, options)) is not None:
        return named
    match = (_LED if rest != line else _LETTER).match(rest) or _LETTER.match(rest)
    if match is None:
        return None
    index = _index(next(group for group in match.groups() if group), len(options))
    after = rest[match.end() :].strip(_DECORATION + ".:;,)-–—")
    return index if index is not None and not _contradicts(after, index, options) else None


def _contradicts(after: str, index: int, options: Sequence[str]) -> bool:
    named = _named(after, options)
    if named is not None:
        return named != index
    mentioned = {
        _index(next(group for group in match.groups() if group), len(options)) for match in _MENTION.finditer(after)
    }
    return bool(mentioned - {index, None})


def _named(text: str, options: Sequence[str]) -> int | None:
    """The one option whose text stands at the beginning, before punctuation or the end; no other is named after it."""
    folded = text.casefold()
    named = []
    for i, option in enumerate(options):
        bare = option.strip().rstrip(".").casefold()
        if bare and re.match(rf"{re.escape(bare)}(?=\s*(?:[.,:;!?)]|$))", folded):
            named.append((len(bare), i))
    if not named:
        return None
    length, index = max(named)  # of 'New York' and 'New', the longer
    rest = folded[length:]
    others = (option.strip().rstrip(".").casefold() for i, option in enumerate(options) if i != index)
    if any(re.search(rf"\b{re.escape(other)}\b", rest) for other in others if other):
        return None
    return index


def _index(letter: str, count: int) -> int | None:
    index = ascii_uppercase.index(letter.upper())
    return index if index < count else None
