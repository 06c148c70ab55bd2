"""Canonical JSON by RFC 8785 (JCS), and the hash over it: the same bytes in every language.

Who checks a hash of auditkit elsewhere parses the JSON, writes it again with any implementation of RFC 8785 and takes
the sha256 of these bytes, in lower-case hexadecimal:

- `journal.jsonl`: of a line without its member `hash`, the result is that member; `prev` is the `hash` of the line
  before, 64 zeros in the first.
- `audit.json`: of the object without its members `id` and `observed`, the result is `id`.
- a request's hash: of the member `request` in the body of a journal line of kind `request`. Outputs name it.
- `samples.parquet`: `samples_sha256` in `audit.json` is over one line a row, the array of its columns and a newline.

The journal's `seal` is the only other sort of hash: the sha256 of the bytes of `audit.json` as they lie.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pydantic import BaseModel

LARGEST_INTEGER = 2**53 - 1
"""Integers beyond it, or below its negative, are not exact in JSON's double precision: RFC 8785 has none."""

_NUMBER = re.compile(
    r"[\[:,](-?+[0-9]++(?:\.0(?=[,\]}])|(?:\.[0-9]++)?+e[-+][0-9]++(?=[,\]}])|(?<=[0-9]{16})(?=[,\]}])))"
)
"""What Python writes otherwise than ECMAScript does, or what may be too large; it may stand within a string, too."""


def canonical(value: Any, *, parsed: bool = False) -> bytes:
    """The canonical form: keys sorted by UTF-16 code units, no spaces, numbers as ECMAScript writes them, UTF-8.

    Python's own encoder, which is written in C, does nearly all of it; what it writes otherwise is replaced.

    Args:
        value: a record, or a container of records and plain values.
        parsed: it was read from JSON, where a float from 2**53 to 1e21 looks like an integer and is taken as a float.

    Raises:
        ValueError: it holds NaN, an infinity, a lone surrogate, or an integer beyond 2**53 - 1.
        TypeError: it holds a key that is not text, or an object without a JSON form.
    """
    if isinstance(value, BaseModel):
        value = _dumped(value)
    elif not parsed:  # JSON has no other keys than texts
        value = _checked(value)
    text = _BY_CODE_POINTS.encode(value)
    # Code points and UTF-16 code units sort differently only beyond U+FFFF.
    if not text.isascii() and len(text.encode("utf-16-le", "surrogatepass")) > 2 * len(text):
        text = _AS_GIVEN.encode(_sorted(value))
    return _with_ecmascript_numbers(text, parsed).encode("utf-8")


def digest(value: Any) -> str:
    """The sha256 (64 hex digits) of the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _dumped(value: Any) -> Any:
    """A record within a container: the encoder asks, which is far faster than to walk through long lists of numbers."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical JSON")


_BY_CODE_POINTS, _AS_GIVEN = (
    json.JSONEncoder(sort_keys=by_key, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_dumped)
    for by_key in (True, False)
)


def _checked(value: Any) -> Any:
    """The value itself. Python's encoder would turn a number that is a key into text, and sort it as a number."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not text")
            _checked(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, (dict, list, tuple)):
                _checked(item)
    return value


def _sorted(value: Any) -> Any:
    """The value with all keys in the order of their UTF-16 code units."""
    if isinstance(value, BaseModel):
        value = _dumped(value)
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _sorted(value[key]) for key in keys}
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in value]
    return value


def _with_ecmascript_numbers(text: str, parsed: bool) -> str:
    """JSON text as Python writes it, with the numbers that ECMAScript writes otherwise replaced."""
    if text[0] in "-0123456789":
        return _ecmascript(text, parsed)
    parts: list[str] = []
    end, quotes = 0, 0
    for match in _NUMBER.finditer(text):
        before = text[end : match.start(1)]
        quotes += _quotes(before)
        # After an odd number of quotation marks it stands within a string.
        parts += [before, match[1] if quotes % 2 else _ecmascript(match[1], parsed)]
        end = match.end(1)
    return "".join((*parts, text[end:])) if parts else text


def _quotes(text: str) -> int:
    """The quotation marks in a piece of JSON text that begin or end a string: those not escaped."""
    if "\\" not in text:
        return text.count('"')
    text = text.replace("\\\\", "")
    return text.count('"') - text.count('\\"')


def _ecmascript(number: str, parsed: bool = False) -> str:
    """A number as ECMAScript writes it (ECMA-262, Number::toString); both take the shortest digits that read back.

    Args:
        number: as Python writes it.
        parsed: an integer beyond 2**53 - 1 is a float.

    Raises:
        ValueError: such an integer, and it is not.
    """
    if "." not in number and "e" not in number:
        if abs(int(number)) <= LARGEST_INTEGER:
            return number
        if not parsed or len(number) > 22:
            raise ValueError(f"the integer {number[:30]} is beyond 2**53 - 1, which JSON cannot hold exactly")
        number = repr(float(int(number)))
    number = number.removesuffix(".0")
    if "e" not in number:
        return "0" if number == "-0" else number
    mantissa, _, power = number.partition("e")
    exponent, sign = int(power), "-" if mantissa.startswith("-") else ""
    digits = mantissa.removeprefix("-").replace(".", "")
    if 0 <= exponent < 21:
        return f"{sign}{digits.ljust(exponent + 1, '0')}"
    if -7 < exponent < 0:
        return f"{sign}0.{digits.rjust(len(digits) - exponent - 1, '0')}"
    return f"{mantissa}e{exponent:+d}"
