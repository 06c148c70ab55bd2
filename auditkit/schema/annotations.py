"""What a field's type says, for whoever makes something of it: an option, a commented file, a message."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel


def bare(annotation: Any) -> Any:
    """An annotation without `Annotated` and without `None`: `int` of `Annotated[int | None, …]`."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    members = members_of(annotation)
    return bare(members[0]) if len(members) == 1 else annotation


def members_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union but `None`, in order; nothing where it is not a union."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return ()
    return tuple(member for member in typing.get_args(annotation) if member is not type(None))


def choices_of(annotation: Any) -> tuple[Any, ...]:
    """The values of a `Literal`; nothing where it is none."""
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()


def is_record(annotation: Any) -> bool:
    """Whether it is a pydantic model."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
