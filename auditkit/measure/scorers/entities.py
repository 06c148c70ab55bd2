"""Entities: the tag scheme, spans of tags (seqeval's), and entities that a prompted model wrote as text.

The format of a written answer: one entity a line, `TYPE: words of the text`, or `none`. Bullets are allowed, and
several entities of one type may stand between commas or semicolons. Anything else is unparsed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

Span = tuple[str, int, int]
"""Type, first word, one past the last word (in lenient mode the last word)."""

_TAG = re.compile(r"[BIESLU]-.+")
_LINE = re.compile(r"(?:[-*•]\s*|\d+[.)]\s+)?([^\W\d][\w-]{0,40})\s*:\s*(\S.*)")
_NOTHING = frozenset({"none", "no entities", "no named entities", "-"})
_SLIPS = 0.02
"""Share of a corpus's tags below which a letter is taken for a slip."""
_AS_IOB = {"S": "B", "U": "B", "E": "I", "L": "I"}
_AS_IOBES = {"U": "S", "L": "E"}
_AS_BILOU = {"S": "U", "E": "L"}
_AS_IOE = {"L": "E", "S": "E", "U": "E", "B": "I"}


def read_scheme(sequences: Iterable[Sequence[str]]) -> str | None:
    """The scheme of tags: IOB1, IOB2, IOE2, IOBES or BILOU; `None` where they are not tags of entities.

    Without any entity it is IOB2. In IOB1 entities begin with I-, and with B- only between neighbours; in IOB2 always
    with B-. What more entities do decides, and letters of less than `_SLIPS` of the tags do not: a slip makes no
    scheme.
    """
    counts, bare, begun, plain = Counter[str](), 0, 0, False
    for tags in sequences:
        before = "O"
        for tag in tags:
            if _TAG.fullmatch(tag):
                counts[tag[0]] += 1
                first = before == "O" or before[2:] != tag[2:]
                bare += tag[0] == "I" and first
                begun += tag[0] == "B" and first
            plain |= tag != "O" and not _TAG.fullmatch(tag)
            before = tag
    prefixes = {letter for letter, count in counts.items() if count >= _SLIPS * counts.total()}
    if not prefixes:
        return None if plain else "IOB2"
    if prefixes & {"L", "U"}:
        return "BILOU"
    if "S" in prefixes or {"E", "B"} <= prefixes:
        return "IOBES"
    if "E" in prefixes:
        return "IOE2"
    return "IOB1" if bare > begun else "IOB2"


def clean(tags: Sequence[str], scheme: str) -> list[str]:
    """Tags in the letters of a scheme: S- and U- are one thing, E- and L- too; what is not a tag is O.

    Where the scheme has no letter for a single word or a last one, they count as B- and I-.
    """
    letters = {"IOBES": _AS_IOBES, "BILOU": _AS_BILOU, "IOE2": _AS_IOE}.get(scheme, _AS_IOB)
    return [letters.get(tag[0], tag[0]) + tag[1:] if _TAG.fullmatch(tag) else "O" for tag in tags]


def strict_spans(tags: Sequence[str], scheme: str) -> set[Span]:
    """Entities that are well formed in the scheme: seqeval's `mode="strict"`."""
    entities = _schemes().Entities([clean(tags, scheme)], scheme=getattr(_schemes(), scheme)).entities[0]
    return {(entity.tag, entity.start, entity.end) for entity in entities}


def lenient_spans(tags: Sequence[str]) -> set[Span]:
    """Entities as conlleval sees them, a stray I- too: seqeval's default mode. Ends are the last word."""
    from seqeval.metrics.sequence_labeling import get_entities

    return {(kind, start, end) for kind, start, end in get_entities(clean(tags, "IOBES"))}


@cache
def _schemes() -> Any:
    from seqeval import scheme

    return scheme


def parse(text: str, words: Sequence[str], types: Iterable[str]) -> tuple[list[Span], list[str]] | None:
    """Entities that a text lists, found in the words.

    Args:
        text: lines of `TYPE: words`, or `none`; a line `TYPE: none` names no entity.
        words: the words that were to be tagged.
        types: known types, compared without case.

    Returns:
        Spans (end exclusive), and the types of entities whose words are not there: inventions. `None` where a line is
        neither an entity nor `none`, or names no known type and no words of the text either.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) == 1 and _nothing(lines[0]):
        return [], []
    folded = {kind.casefold(): kind for kind in types}
    entities: list[Span] = []
    invented: list[str] = []
    used = [False] * len(words)  # a word belongs to one entity
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        if _nothing(match[2]):
            continue
        kind = folded.get(match[1].casefold(), match[1])
        spans = _locate(match[2], words, used)
        if not any(spans) and match[1].casefold() not in folded:
            return None
        entities += [(kind, *span) for span in spans if span is not None]
        invented += [kind for span in spans if span is None]
    return (entities, invented) if lines else None


def _nothing(text: str) -> bool:
    return text.strip().rstrip(".").casefold() in _NOTHING


def tagged(spans: Iterable[Span], count: int, scheme: str) -> list[str]:
    """Tags of `count` words in a scheme."""
    tags = ["O"] * count
    for kind, start, end in sorted(spans, key=lambda span: span[1]):
        inside = [f"I-{kind}"] * (end - start)
        joined = start > 0 and tags[start - 1][2:] == kind
        if scheme in ("IOB2", "IOBES", "BILOU") or (scheme == "IOB1" and joined):
            inside[0] = f"B-{kind}"
        if scheme in ("IOBES", "BILOU", "IOE2"):
            last, single = ("L", "U") if scheme == "BILOU" else ("E", "S" if scheme == "IOBES" else "E")
            inside[-1] = f"{single if end - start == 1 else last}-{kind}"
        tags[start:end] = inside
    return tags


def _locate(text: str, words: Sequence[str], used: list[bool]) -> list[tuple[int, int] | None]:
    """Where an entity stands; where it does not, where the parts between commas or semicolons do."""
    span = _find(text, words, used)
    parts = [part for part in re.split(r"\s*[,;]\s+", text) if part]
    if span is not None or len(parts) < 2:
        return [span]
    return [_find(part, words, used) for part in parts]


def _find(text: str, words: Sequence[str], used: list[bool]) -> tuple[int, int] | None:
    """The first free run of words that reads as the text, spaces and case apart."""
    wanted = "".join(text.strip("\"'“”‘’`*").split()).casefold()
    for start in range(len(words)):
        joined = ""
        for end in range(start, len(words)):
            if used[end] or len(joined) >= len(wanted):
                break
            joined += "".join(words[end].split()).casefold()
            if joined == wanted:
                used[start : end + 1] = [True] * (end + 1 - start)
                return start, end + 1
    return None
