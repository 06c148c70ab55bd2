"""JSON lines, and one JSON document that lists its rows: strict where Python's reader is not."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from auditkit.errors import FormatError
from auditkit.formats.text import decode, lone_surrogate, split_lines

Object = dict[str, Any]
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that may be half a character; most rows hold none, and need no search of their values."""


class _Fault(Exception):
    """What is wrong inside a JSON text, without its place."""


def json_lines(
    content: bytes, where: str, *, blank_lines: bool = False, nan: bool = False, surrogates: bool = False
) -> Iterator[tuple[int, Object]]:
    """Line number, from 1, and object of each line.

    Args:
        content: the bytes of the file.
        where: its name in messages.
        blank_lines: pass over them.
        nan: take NaN and the infinities, as Python and pandas write them, for numbers.
        surrogates: take half a character, which a model may have written.

    Raises:
        FormatError: the file is empty or not UTF-8, or `where:line` is blank, is not a JSON object, gives a key twice,
            or holds what the arguments do not allow.
    """
    decoder = _decoder(nan=nan)
    for number, line in enumerate(split_lines(_not_empty(content, where), where), start=1):
        place = f"{where}:{number}"
        if not line.strip():
            if blank_lines:
                continue
            raise FormatError(f"{place}: the line is empty; remove it")
        value = _parsed(decoder, line, place, surrogates=surrogates)
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise FormatError(f"{place}: expected a JSON object, found {kind}; write {{...}} on each line")
        yield number, value


def json_list(content: bytes, where: str, *, nan: bool = False) -> Iterator[tuple[int, Object]]:
    """Place, from 1, and object of each row of one JSON document: `[{...}, {...}]`.

    Args:
        content: the bytes of the file.
        where: its name in messages.
        nan: as for `json_lines`.

    Raises:
        FormatError: as `json_lines`, or the document is not a list of objects.
    """
    text = decode(_not_empty(content, where), where)
    rows = _parsed(_decoder(nan=nan), text, where, surrogates=False)
    if not isinstance(rows, list):
        raise FormatError(f"{where}: expected a list of objects, found {type(rows).__name__}; write [{{...}}, ...]")
    for place, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            kind = type(row).__name__
            raise FormatError(f"{where}: row {place}: expected a JSON object, found {kind}; write [{{...}}, ...]")
        yield place, row


def _not_empty(content: bytes, where: str) -> bytes:
    if not content.strip():
        raise FormatError(f"{where}: the file is empty; add rows")
    return content


def _decoder(*, nan: bool) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=None if nan else _refuse)


def _unique(pairs: list[tuple[str, Any]]) -> Object:
    """An object as a mapping; Python would silently keep the last of two equal keys."""
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _Fault(f'"{twice}" is given twice; keep one')
    return mapping


def _refuse(name: str) -> NoReturn:
    raise _Fault(f"{name} is not a JSON value; write null where there is no value")


def _parsed(decoder: json.JSONDecoder, text: str, where: str, *, surrogates: bool) -> Any:
    try:
        value = decoder.decode(text)
    except _Fault as fault:
        raise FormatError(f"{where}: {fault}") from None
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise FormatError(f"{where}: not valid JSON at {line}column {error.colno}: {error.msg}; correct it") from None
    except RecursionError:
        raise FormatError(f"{where}: nested too deeply; a row is a flat object") from None
    except ValueError as error:  # a number of more digits than Python converts
        raise FormatError(f"{where}: not valid JSON: {error}; correct it") from None
    if not surrogates and _ESCAPED_HALF.search(text) and (path := lone_surrogate(value)) is not None:
        raise FormatError(f'{where}: "{path}" holds a lone surrogate (half a character); write the whole character')
    return value
