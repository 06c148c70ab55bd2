"""The one YAML reader: audit, policy and card files, with file:line: key errors."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from auditkit.errors import ConfigError, did_you_mean
from auditkit.schema import Record

R = TypeVar("R", bound=Record)
Path_ = tuple[str | int, ...]


def read_yaml(path: Path, record: type[R], **overrides: Any) -> R:
    """Read a YAML file into a record.

    Args:
        path: the file; only plain YAML is read (safe loader, no tags).
        record: the record type.
        overrides: top-level values that replace those of the file.

    Raises:
        ConfigError: missing, misspelt or wrongly typed key: `file:line: key: what, and what to do`.
    """
    data, lines = load_yaml(path)
    data.update(overrides)
    try:
        return record.model_validate(data)
    except ValidationError as error:
        # A misspelt key is reported before the key that is missing because of it.
        first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
        raise ConfigError(_explain(path, first, record, lines)) from None


def load_yaml(path: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """The mapping in a YAML file, and the line (from 1) of each of its keys.

    Raises:
        ConfigError: no such file, not YAML, not a mapping, a doubled key, or a key that is no string.
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
        raise ConfigError(f"{path}:1: expected `key: value` lines, found {'nothing' if node is None else 'no mapping'}")
    lines: dict[Path_, int] = {}
    _index(path, node, (), lines)
    return data, lines


def _index(path: Path, node: yaml.Node, at: Path_, lines: dict[Path_, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                raise ConfigError(f'{path}:{line}: the key {key.value} is not text in YAML; write it as "{key.value}"')
            if (*at, key.value) in lines:
                raise ConfigError(f'{path}:{line}: "{key.value}" is given twice; keep one')
            lines[*at, key.value] = line
            _index(path, value, (*at, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines[*at, i] = item.start_mark.line + 1
            _index(path, item, (*at, i), lines)


def _explain(path: Path, error: ErrorDetails, record: type[BaseModel], lines: dict[Path_, int]) -> str:
    loc: Path_ = tuple(error["loc"])
    key = ".".join(str(part) for part in loc)
    near = loc
    while near and near not in lines:
        near = near[:-1]
    where = f"{path}:{lines.get(near, 1)}"
    if error["type"] == "extra_forbidden":
        valid = _keys(record, loc[:-1])
        hint = did_you_mean(str(loc[-1]), valid, f"valid keys: {', '.join(valid)}")
        return f'{where}: unknown key "{key}"; {hint}'
    if error["type"] == "missing":
        return f'{where}: "{key}" is missing; add it'
    given = f" (given: {error['input']!r})" if len(repr(error["input"])) < 80 else ""
    return f'{where}: "{key}": {error["msg"]}{given}'


def _keys(record: Any, loc: Path_) -> list[str]:
    """Valid keys of the record that stands at a location inside another."""
    for part in loc:
        if isinstance(part, int):
            continue
        field = record.model_fields.get(part) if hasattr(record, "model_fields") else None
        if field is None:
            return []
        record = _record_in(field.annotation)
    return sorted(record.model_fields) if hasattr(record, "model_fields") else []


def _record_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in typing.get_args(annotation):
        found = _record_in(inner)
        if found is not None:
            return found
    return None
