"""What the names of tags say: the type of entity, and how its borders are marked."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TAG = re.compile(r"([A-Z])-(.+)", re.DOTALL)
_BORDERS = {"B", "I", "E", "S", "L", "U", "M"}


def entity_type(tag: str) -> str:
    """The type of entity that a tag names: `PER` of `B-PER`; the tag itself where it has no border (`O`, `NOUN`)."""
    match = _TAG.fullmatch(tag)
    return match[2] if match and match[1] in _BORDERS else tag


def scheme(tags: Iterable[str]) -> str:
    """How tags mark the borders of entities, read from their names.

    Returns:
        `none` (no tag has a border), `IO`, `IOB1` (some type has no `B-`, which then marks nothing but the border
        between neighbours), `IOB1 or IOB2` (names do not tell them apart), `BIOES`, `BILOU`, or the borders that there
        are, e.g. `B E I M S`.
    """
    borders_by_type: dict[str, set[str]] = {}
    for tag in tags:
        match = _TAG.fullmatch(tag)
        if match and match[1] in _BORDERS:
            borders_by_type.setdefault(match[2], set()).add(match[1])
    borders = set().union(*borders_by_type.values())
    if not borders:
        return "none"
    if borders <= {"B", "I"}:
        types_with_begin = sum("B" in letters for letters in borders_by_type.values())
        if not types_with_begin:
            return "IO"
        return "IOB1 or IOB2" if types_with_begin == len(borders_by_type) else "IOB1"
    for name, letters in (("BIOES", {"B", "I", "E", "S"}), ("BILOU", {"B", "I", "L", "U"})):
        if borders <= letters:
            return name
    return " ".join(sorted(borders))
