"""Strategies of hostile bytes: valid seeds with random edits, and structures of odd values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = (
    "", " ", "\x00", "\x1b]0;x\x07", "\r", "a\nb", "\u2028", "\ufeff", "\ud800", "\U0010ffff", "é" * 300, "../../x",
    "/dev/null",
    "nan", "1e999", "010", "1:30", "yes", "~", "{{x}}", "{0}", "%s", "{", "[[[[", "&a *a", "<<", "!!python/object:x",
    "9" * 5000, "-0", "None", "all", "unknown", "letter", "__class__",
)
ODD_NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**400, -(10**40), 0.5, -0.0, 1e308, 5e-324, 1e21)


def odd_values() -> st.SearchStrategy[Any]:
    """JSON values that few expect at a place."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.sampled_from(ODD_NUMBERS), st.integers(), st.floats(),
        st.sampled_from(ODD_TEXTS), st.text(max_size=12),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
        max_leaves=8,
    )


@st.composite
def edited(draw: st.DrawFn, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """A seed with up to eight edits of its bytes: flips, cuts, repeats, words of the language,
    pieces of other seeds."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        other = draw(st.sampled_from(seeds))
        cut = draw(st.integers(0, len(other)))
        piece = draw(st.one_of(
            st.just(b""), st.sampled_from(words), st.binary(max_size=4),
            st.just(data[start:end] * draw(st.integers(2, 50))), st.just(other[cut : cut + 60]),
        ))
        data = data[:start] + piece + data[end:]
    return data


@st.composite
def altered(draw: st.DrawFn, seeds: Sequence[Any]) -> Any:
    """A JSON value of the seeds in which up to four places hold another value, or are gone."""
    value = json.loads(json.dumps(draw(st.sampled_from(seeds))))
    for _ in range(draw(st.integers(1, 4))):
        value = _altered(draw, value)
    return value


def _altered(draw: st.DrawFn, value: Any) -> Any:
    inner = isinstance(value, (dict, list)) and value and draw(st.integers(0, 7)) > 0
    if not inner:
        return draw(odd_values())
    if isinstance(value, dict):
        key = draw(st.sampled_from(sorted(value)))
        match draw(st.integers(0, 9)):
            case 0:
                return {name: item for name, item in value.items() if name != key}
            case 1:
                return {**value, draw(st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=8))): draw(odd_values())}
        return {**value, key: _altered(draw, value[key])}
    place = draw(st.integers(0, len(value) - 1))
    match draw(st.integers(0, 9)):
        case 0:
            return value[:place] + value[place + 1 :]
        case 1:
            return value + [value[place]] * draw(st.integers(1, 30))
    return [*value[:place], _altered(draw, value[place]), *value[place + 1 :]]


def as_json(value: Any) -> bytes:
    """JSON as Python writes it: NaN and half characters included."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
