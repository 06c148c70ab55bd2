"""The first fault that pydantic found in a record, as one line in the words of where the value came from.

A value may stand in a YAML file (where it is a key), on the command line (an option), in a call (an argument) or in a
JSON record of a run folder (a key). Whoever read it says how such a place is called; what is wrong is said here.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from auditkit.errors import did_you_mean
from auditkit.schema.annotations import bare, choices_of, is_record, members_of

Location = tuple[str | int, ...]
"""Where a value stands inside a record: names of fields, keys of mappings, numbers of items."""


def quoted(location: Location) -> str:
    """`"explain.max_steps"`, `"checks.0.bound"`."""
    return f'"{".".join(str(part) for part in location)}"'


@dataclass(frozen=True)
class Vocabulary:
    """How messages call a place in what was read."""

    noun: str
    """What a name is there: key, option, argument."""
    name: Callable[[Location], str] = quoted
    """A location as the user writes it, ready for a sentence."""


KEYS = Vocabulary("key")
"""A YAML or JSON file."""
ARGUMENTS = Vocabulary("argument")
"""Keywords of a call in Python."""


_SHOULD = "Input should be "
"""How pydantic begins most of its sentences."""
_LONGEST = 80
"""Characters of a value that is repeated in a message."""


@dataclass(frozen=True)
class Fault:
    """The first fault of a record."""

    location: Location
    """Where it is; empty where the record as a whole is wrong."""
    text: str
    """One line: where, what, and what to do. The reader puts file and line before it."""

    def __str__(self) -> str:
        """The line."""
        return self.text


def first_fault(error: ValidationError, record: type[BaseModel], vocabulary: Vocabulary = KEYS) -> Fault:
    """The fault to tell of first: a misspelt name comes before the name that is missing because of it.

    Args:
        error: what pydantic raised.
        record: the type that was validated.
        vocabulary: of where the values came from; keys of a file by default.
    """
    errors = error.errors(include_url=False)
    details = min(errors, key=lambda item: item["type"] != "extra_forbidden")
    location, holder = _place(record, tuple(details["loc"]))
    if details["type"] == "extra_forbidden":
        text = _unknown(location, holder, vocabulary)
    elif details["type"] == "missing":
        text = f"{vocabulary.name(location)} is missing; add it"
    else:
        # Of a union each member says what it expected: `metadata.axis.str`, `metadata.axis.float` …
        same_place = [item for item in errors if _place(record, tuple(item["loc"]))[0] == location]
        expected = _expected(same_place)
        text = f"{vocabulary.name(location)}: {expected}" if location else expected
    return Fault(location, " ".join(text.split()))


def _unknown(location: Location, holder: Any, vocabulary: Vocabulary) -> str:
    valid = sorted(_fields(holder))
    near = did_you_mean(str(location[-1]), valid, f"valid {vocabulary.noun}s: {', '.join(valid)}")
    return f"unknown {vocabulary.noun} {vocabulary.name(location)}; {near}"


def _expected(errors: list[ErrorDetails]) -> str:
    """What should stand in one place, and what does."""
    messages = list(dict.fromkeys(details["msg"].removeprefix("Value error, ") for details in errors))
    text = messages[0]
    if all(message.startswith(_SHOULD) for message in messages):
        others = (message.removeprefix(_SHOULD).removeprefix("a valid ") for message in messages[1:])
        text = " or ".join([text, *others])
    value = errors[0]["input"]
    literal = repr(value)
    return text if isinstance(value, BaseModel) or len(literal) >= _LONGEST else f"{text} (given: {literal})"


def _place(record: Any, parts: Location) -> tuple[Location, Any]:
    """A location without what pydantic adds to it, and the record type that holds its last part.

    Pydantic names the members of a union, the tag of a tagged one, and validators: `columns.text.str`,
    `metadata.axis.function-after[…].float`. A user wrote none of these.
    """
    location: list[str | int] = []
    holder = annotation = record
    for part in parts:
        annotation = bare(annotation)
        if members_of(annotation):
            annotation = _member(annotation, part)
            continue
        step = _step(annotation, part)
        if step is None:
            break
        holder, annotation = annotation, step
        location.append(part)
    return tuple(location), holder


def _member(union: Any, label: str | int) -> Any:
    """The member of a union that pydantic calls by a label: its name, its form, or a tag that it holds."""
    members = [bare(member) for member in members_of(union)]
    for member in members:
        tags = {str(tag) for field in _fields(member).values() for tag in choices_of(field.annotation)}
        if label in {getattr(member, "__name__", ""), str(member), *tags}:
            return member
    return members[0]


def _step(annotation: Any, part: str | int) -> Any:
    """What a part of a location leads to; `None` where the annotation holds nothing of that name."""
    if is_record(annotation):
        field = annotation.model_fields.get(part)
        return field.annotation if field else Any  # an unknown key, which the user did write
    origin, inner = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if not isinstance(origin, type):
        return Any if annotation is Any else None
    if issubclass(origin, Mapping):
        return inner[-1] if inner else Any
    if issubclass(origin, (Sequence, AbstractSet)) and isinstance(part, int):
        return inner[part] if part < len(inner) and inner[-1] is not ... else [*inner, Any][0]
    return None


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    return annotation.model_fields if is_record(annotation) else {}
