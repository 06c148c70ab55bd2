"""The one YAML reader: audit, policy and card files, with file:line: key errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from auditkit.errors import ConfigError
from auditkit.schema import Record
from auditkit.schema.faults import KEYS, Location, Vocabulary, first_fault

R = TypeVar("R", bound=Record)


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
        return record.model_validate(data)
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
        return record.model_validate(nested(values))
    except ValidationError as error:
        raise ConfigError(str(first_fault(error, record, vocabulary))) from None


def nested(values: Mapping[Location, Any]) -> dict[str, Any]:
    """Values by location, as nested mappings."""
    data: dict[str, Any] = {}
    for location, value in values.items():
        _put(data, location, value)
    return data


def load_yaml(path: Path) -> tuple[dict[str, Any], dict[Location, int]]:
    """The mapping in a YAML file, and the line (from 1) of each of its keys.

    Raises:
        ConfigError: no such file, not YAML, not a mapping, a key given twice, or a key that is not text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(node, yaml.MappingNode):
        instead = "nothing" if node is None else "no mapping"
        raise ConfigError(f"{path}:1: expected `key: value` lines, found {instead}")
    lines: dict[Location, int] = {}
    _index(path, node, (), lines)
    return data, lines


def _index(path: Path, node: yaml.Node, location: Location, lines: dict[Location, int]) -> None:
    """Note the line of every key and item below a node; refuse keys that YAML would merge or read as no text."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                raise ConfigError(f'{path}:{line}: the key {key.value} is not text in YAML; write it as "{key.value}"')
            if (*location, key.value) in lines:
                raise ConfigError(f'{path}:{line}: "{key.value}" is given twice; keep one')
            lines[*location, key.value] = line
            _index(path, value, (*location, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines[*location, i] = item.start_mark.line + 1
            _index(path, item, (*location, i), lines)


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
