"""Options made from the fields of records: name, type, choices, bounds, default and help stand there alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from auditkit.errors import did_you_mean
from auditkit.schema.annotations import bare, choices_of, is_record
from auditkit.schema.faults import Location

F = TypeVar("F", bound=Callable[..., Any])

_JOIN = "__"
"""Stands between the parts of a location in the name under which click passes a value on."""


class CommaList(click.ParamType[tuple[str, ...]]):
    """Several of a closed list of words, with commas between."""

    name = "list"

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words that there are."""
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split and check."""
        words = tuple(word.strip() for word in value.split(",")) if isinstance(value, str) else tuple(value)
        for word in words:
            if word not in self.words:
                near = did_you_mean(word, self.words, f"there are: {', '.join(self.words)}")
                self.fail(f'"{word}" is unknown; {near}', param, ctx)
        return words


class Pairs(click.ParamType[dict[str, str]]):
    """`NAME=VALUE` pairs, with commas between."""

    name = "pairs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """Split at the first `=` of each pair."""
        if isinstance(value, Mapping):
            return dict(value)
        pairs = [pair.partition("=") for pair in str(value).split(",") if pair.strip()]
        if not all(name.strip() and right.strip() for name, _, right in pairs):
            self.fail("expected NAME=VALUE pairs, with commas between: text=review,label=stars", param, ctx)
        return {name.strip(): right.strip() for name, _, right in pairs}


def option(
    record: type[BaseModel], *location: str, flag: str | None = None, help: str = "{}", **more: Any
) -> Callable[[F], F]:
    """An option that sets one field.

    Args:
        record: the record type.
        location: the field's name, after those of the records around it.
        flag: how the option is spelt; default `--field-name`.
        help: the sentence; `{}` stands for the field's docstring.
        more: for `click.option`, in place of what the field says, e.g. `default` or `metavar`.

    Returns:
        A decorator of a command. The value arrives as `outer__field`, `None` or empty where it was not given.
    """
    field = _field(record, location)
    settings = {**_form(field), "required": field.is_required(), **more}
    text = help.format(" ".join((field.description or "").split()))
    if "default" not in settings:
        text, settings["default"] = f"{text}{_default(field)}", None
    else:
        settings["show_default"] = True
    return click.option(flag or spelling(location[-1]), _JOIN.join(location), help=text, **settings)


def apply(options: Iterable[Callable[[F], F]], command: F) -> F:
    """Add options to a command, in the order of its help."""
    for decorate in reversed(list(options)):
        command = decorate(command)
    return command


def spelling(name: str) -> str:
    """`--typo-rate` of `typo_rate`."""
    return f"--{name.replace('_', '-')}"


def values_of(options: Mapping[str, Any]) -> dict[Location, Any]:
    """The values of the options that stand on the command line, by their location in the record."""
    return {tuple(name.split(_JOIN)): value for name, value in options.items() if value is not None and value != ()}


def plain_fields(record: type[BaseModel]) -> list[str]:
    """Fields that one option can set: no records, no version."""
    names = []
    for name, field in record.model_fields.items():
        kind = bare(field.annotation)
        inner = [bare(member) for member in get_args(kind)]
        if not is_record(kind) and not any(map(is_record, inner)) and len(choices_of(kind)) != 1:
            names.append(name)
    return names


def _field(record: Any, location: Sequence[str]) -> FieldInfo:
    *outer, last = location
    for name in outer:
        record = bare(record.model_fields[name].annotation)
    field: FieldInfo = record.model_fields[last]
    return field


def _form(field: FieldInfo) -> dict[str, Any]:
    """What click needs to read a value of the field's type."""
    kind = bare(field.annotation)
    origin, inner = get_origin(kind), [bare(member) for member in get_args(kind)]
    if words := choices_of(kind):
        return {"type": click.Choice(words)}
    if kind is bool:
        return {"is_flag": True}
    if kind in (int, float):
        return {"type": _number(kind, field)}
    if origin is dict:
        return {"type": Pairs(), "metavar": "NAME=VALUE,…"}
    if origin is tuple and choices_of(inner[0]):
        return {"type": CommaList(choices_of(inner[0])), "metavar": "LIST"}
    return {"type": str, "multiple": True} if origin is tuple else {"type": str}


def _number(kind: type, field: FieldInfo) -> click.ParamType[Any]:
    """A number within the bounds that the field declares (`ge`, `gt`, `le`, `lt`)."""
    bounds = {
        name: getattr(item, name) for item in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(item, name)
    }
    if not bounds:
        return click.INT if kind is int else click.FLOAT
    form = click.IntRange if kind is int else click.FloatRange
    return form(
        bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt")), "gt" in bounds, "lt" in bounds
    )


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required() or default is None or default is False or default in ((), {}):
        return ""
    text = " ".join(default) if isinstance(default, tuple) else default
    return f"  [default: {text}]"
