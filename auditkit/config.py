"""The one YAML reader: audit, policy and card files, with file:line: key errors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from auditkit.errors import ConfigError, first_line
from auditkit.schema import Record
from auditkit.schema.faults import KEYS, Location, Vocabulary, first_fault, quoted

R = TypeVar("R", bound=Record)

MOST_BYTES = 512 << 10
"""Bytes of a file: the largest card of a published benchmark has 15,000."""
MOST_VALUES = 20_000
"""Values of a file, those that aliases repeat counted each time."""
DEEPEST = 24
"""Lists and mappings inside each other."""
MOST_DIGITS = 40
"""Characters of a number; Python itself converts no more than 4,300 digits."""
_TEXT = "tag:yaml.org,2002:str"
_WORDS = {
    "": None, "~": None, "null": None, "true": True, "false": False, ".nan": math.nan, ".inf": math.inf,
    "-.inf": -math.inf,
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"[-+]?0o[0-7]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COERCED = "true and false are no numbers, and no number or text is one of them; write the kind that is meant"
_RESOLVER = yaml.resolver.Resolver()


def read_yaml(
    path: Path, record: type[R], overrides: Mapping[Location, Any] | None = None, vocabulary: Vocabulary = KEYS
) -> R:
    """Read a YAML file into a record.

    Args:
        path: the file; only plain YAML is read (safe loader, no tags).
        record: the record type.
        overrides: values that replace those of the file, by their location in the record.
        vocabulary: how messages call the overrides.

    Raises:
        ConfigError: missing, misspelt or wrongly typed key: `file:line: key: what, and what to do`; of an override
            in its vocabulary.
    """
    data, lines = load_yaml(path)
    overrides = overrides or {}
    for location, value in overrides.items():
        _put(data, location, value)
    try:
        return _validated(record, data)
    except _Coerced as coerced:
        raise ConfigError(f"{path}:{_line(coerced.location, lines)}: {quoted(coerced.location)}: {_COERCED}") from None
    except ValidationError as error:
        fault = first_fault(error, record)
        if any(fault.location[: len(location)] == location for location in overrides):
            raise ConfigError(str(first_fault(error, record, vocabulary))) from None
        raise ConfigError(f"{path}:{_line(fault.location, lines)}: {fault}") from None


def make_record(record: type[R], values: Mapping[Location, Any], vocabulary: Vocabulary) -> R:
    """A record of values that stand in no file.

    Args:
        record: the record type.
        values: by their location in the record.
        vocabulary: how messages call the values.

    Raises:
        ConfigError: a value is missing, unknown or wrong.
    """
    try:
        return _validated(record, nested(values))
    except _Coerced as coerced:
        raise ConfigError(f"{vocabulary.name(coerced.location)}: {_COERCED}") from None
    except ValidationError as error:
        raise ConfigError(str(first_fault(error, record, vocabulary))) from None


class _Coerced(Exception):
    """A record made a number of true or false, or the reverse."""

    def __init__(self, location: Location) -> None:
        """Args: where."""
        super().__init__(location)
        self.location = location


def _validated(record: type[R], data: Mapping[str, Any]) -> R:
    """A record of plain values, of which none became another kind of thing on the way.

    Raises:
        ValidationError: a wrong value.
        _Coerced: `limit: true`, which pydantic reads as 1; or `offline: 1`.
    """
    made = record.model_validate(data)
    if place := _refuse_coercion(data, made.model_dump()):
        raise _Coerced(place)
    return made


def nested(values: Mapping[Location, Any]) -> dict[str, Any]:
    """Values by location, as nested mappings."""
    data: dict[str, Any] = {}
    for location, value in values.items():
        _put(data, location, value)
    return data


def load_yaml(path: Path) -> tuple[dict[str, Any], dict[Location, int]]:
    """The mapping in a YAML file, and the line (from 1) of each of its keys.

    Versions of YAML disagree on what `no`, `010`, `1:30` or `1_000` mean. Words that they read differently are refused,
    as are tags and merged keys, and a date is its text; so what stands in the file is what every reader of it sees.

    Raises:
        ConfigError: no such file, not YAML, not a mapping, a key given twice or that is not text, a word that versions
            of YAML read differently, or more than a configuration can need: bytes, values, depth, digits.
    """
    return _Values(path).of(_parsed(path, _text(path)))


def replace_values(path: Path, text: str, values: Mapping[str, str | int]) -> str:
    """The text of a YAML mapping with some values of its own keys replaced, or added at its end; all else as it is.

    Args:
        path: its name in messages.
        text: in block style, or in braces, as JSON is.
        values: key to value.

    Raises:
        ConfigError: as `load_yaml`.
    """
    node = _parsed(path, text)
    for key, value in values.items():
        shown = json.dumps(value) if node.flow else str(value)
        name = json.dumps(key) if node.flow else key
        place = next((item for item, _ in node.pairs if item.text == key), None)
        if place is not None:
            held = next(item for other, item in node.pairs if other is place)
            text = f"{text[: place.start]}{name}: {shown}{text[held.end :]}"
        elif node.flow:
            comma = ", " if node.pairs and not text[: node.end - 1].rstrip().endswith(",") else ""
            text = f"{text[: node.end - 1].rstrip()}{comma}{name}: {shown}{text[node.end - 1 :]}"
        else:
            end = "\r\n" if "\r\n" in text else "\n"
            text = f"{text}{'' if text.endswith(end) else end}{name}: {shown}{end}"
        node = _parsed(path, text)
    return text


@dataclass
class _Node:
    """A value of a YAML text before it is read: a scalar, a list or a mapping."""

    line: int
    start: int
    """Its first character in the text."""
    end: int = 0
    """The character behind it."""
    text: str | None = None
    """Of a scalar."""
    plain: bool = False
    """Whether a scalar stands without quotes, so that it may be a number."""
    flow: bool = False
    """Whether a list or mapping stands in brackets."""
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] = field(default_factory=list)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(f"{path}: more than {MOST_BYTES:,} bytes; a configuration is smaller, rows are not YAML")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {reason}") from None


@lru_cache(maxsize=64)  # an audit asks for the cards of all packs several times; nodes are only read
def _parsed(path: Path, text: str) -> _Node:
    """The mapping that a text holds, from the parser's events: what it means is not made of it yet."""
    try:
        tree = _Tree(path, yaml.parse(text, Loader=yaml.SafeLoader))
        root = tree.document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = str(getattr(error, "problem", None) or first_line(error))
        raise ConfigError(f"{where}: not valid YAML: {problem}") from None
    if root is None or root.text is not None or root.items is not None:
        instead = "nothing" if root is None or root.text == "" else "no mapping"
        raise ConfigError(f"{path}:1: expected `key: value` lines, found {instead}")
    return root


class _Tree:
    """Events to nodes; an alias is the node of its anchor, and costs nothing here."""

    def __init__(self, path: Path, events: Iterator[Any]) -> None:
        self._path = path
        self._events = events
        self._anchors: dict[str, _Node] = {}
        self._nodes = 0

    def document(self) -> _Node | None:
        """The one document; `None` where there is none."""
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._fault(event, "a second document begins (---); keep one")
                root = self._node(next(self._events), 1)
        return root

    def _node(self, event: Any, depth: int) -> _Node:
        self._nodes += 1
        if depth > DEEPEST:
            raise self._fault(event, f"nested more than {DEEPEST} deep; write it flatter")
        if self._nodes > MOST_VALUES:
            raise self._fault(event, f"more than {MOST_VALUES:,} values; rows belong into a file of their own")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._fault(event, f"*{str(event.anchor)[:40]} stands for itself or nothing; write the value")
            return self._anchors[event.anchor]
        if event.tag is not None:
            raise self._fault(event, f"not valid YAML: the tag {event.tag[:40]} is not read; write a plain value")
        node = self._filled(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _filled(self, event: Any, depth: int) -> _Node:
        """The node that begins with an event, its inner ones read too."""
        node = _Node(event.start_mark.line + 1, event.start_mark.index, _index(event.end_mark))
        if type(event) is yaml.ScalarEvent:
            node.text, node.plain = event.value, event.style is None
            return node
        node.flow = bool(event.flow_style)
        items = []
        end = yaml.SequenceEndEvent if isinstance(event, yaml.SequenceStartEvent) else yaml.MappingEndEvent
        inner: Any = next(self._events)
        while type(inner) is not end:
            items.append(self._node(inner, depth + 1))
            inner = next(self._events)
        node.end = _index(inner.end_mark)
        if end is yaml.SequenceEndEvent:
            node.items = items
        else:
            node.pairs = list(zip(items[::2], items[1::2], strict=True))
        return node

    def _fault(self, event: Any, what: str) -> ConfigError:
        return ConfigError(f"{self._path}:{event.start_mark.line + 1}: {what}")


class _Values:
    """Nodes to plain values, with the line of each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[Location, int] = {}
        self._count = 0

    def of(self, root: _Node) -> tuple[dict[str, Any], dict[Location, int]]:
        """The mapping, and the line of every key and item."""
        return self._mapping(root, ()), self._lines

    def _value(self, node: _Node, location: Location) -> Any:
        self._count += 1
        # an alias of aliases is small in the file and large in memory: what it stands for counts each time
        if self._count > MOST_VALUES or len(location) > DEEPEST:
            raise self._fault(node, location, "aliases make too much of it; write the values")
        if node.text is not None:
            return self._scalar(node, location)
        if node.items is None:
            return self._mapping(node, location)
        values = []
        for place, item in enumerate(node.items):
            self._lines[*location, place] = item.line
            values.append(self._value(item, (*location, place)))
        return values

    def _mapping(self, node: _Node, location: Location) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.pairs:
            name = key.text
            if name is None:
                raise ConfigError(f"{self._path}:{key.line}: a key is a list or a mapping; write text")
            if key.plain and _tag(name) != _TEXT:
                raise ConfigError(
                    f'{self._path}:{key.line}: the key {_short(name)} is not text in YAML; write it as "{_short(name)}"'
                )
            if name in mapping:
                raise ConfigError(f'{self._path}:{key.line}: "{_short(name)}" is given twice; keep one')
            self._lines[*location, name] = key.line
            mapping[name] = self._value(value, (*location, name))
        return mapping

    def _scalar(self, node: _Node, location: Location) -> Any:
        text = node.text or ""
        if not node.plain or _DATE.fullmatch(text):
            return text
        if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
            return _WORDS[text.lower()]
        if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
            if len(text) > MOST_DIGITS:
                raise self._fault(node, location, f"a number of {len(text):,} characters; write text in quotes")
            return int(text) if _INTEGER.fullmatch(text) else float(text)
        if _tag(text) != _TEXT or _OCTAL.fullmatch(text):
            raise self._fault(
                node, location, f"versions of YAML read {_short(text)} differently; write the number in plain digits, "
                f'true or false, or text in quotes: "{_short(text)}"',
            )
        return text

    def _fault(self, node: _Node, location: Location, what: str) -> ConfigError:
        key = _short(".".join(str(part) for part in location))
        return ConfigError(f'{self._path}:{node.line}: "{key}": {what}')


def _index(mark: Any) -> int:
    return int(mark.index)


def _tag(text: str) -> str:
    """What YAML 1.1 makes of a word without quotes."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


def _refuse_coercion(value: Any, validated: Any, location: Location = ()) -> Location | None:
    """Where a record made a number of true or false, or true or false of something else; `None` where it did not.

    Args:
        value: as it was written.
        validated: what the record holds in its place.
        location: of the value.
    """
    if isinstance(value, dict) and isinstance(validated, dict):
        inner = ((key, item, validated[key]) for key, item in value.items() if key in validated)
    elif isinstance(value, (list, tuple)) and isinstance(validated, (list, tuple)) and len(value) == len(validated):
        inner = ((place, *pair) for place, pair in enumerate(zip(value, validated, strict=True)))
    else:
        plain = (bool, int, float, str)
        changed = isinstance(value, bool) is not isinstance(validated, bool)
        return location if changed and isinstance(value, plain) and isinstance(validated, plain) else None
    places = (_refuse_coercion(item, held, (*location, key)) for key, item, held in inner)
    return next((place for place in places if place is not None), None)


def _line(location: Location, lines: Mapping[Location, int]) -> int:
    """The line of a location, or of the nearest one around it that the file has."""
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location, 1)


def _put(data: dict[Any, Any], location: Location, value: Any) -> None:
    """Set a value inside nested mappings; what is in its way is replaced."""
    *outer, last = location
    for part in outer:
        if not isinstance(data.get(part), dict):
            data[part] = {}
        data = data[part]
    data[last] = value
