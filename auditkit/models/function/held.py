"""Functions of this process that were given as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditkit.models.function import SCHEME

HELD: dict[str, Callable[..., Any]] = {}
"""By the name under which an audit bears them."""


def hold(function: Callable[..., Any]) -> str:
    """The name of a function of this process, under which `open_function` finds it.

    Args:
        function: a function, or an object that is called.

    Returns:
        `python:MODULE:NAME`.
    """
    kind = function if hasattr(function, "__qualname__") else type(function)
    name = f"{SCHEME}{kind.__module__}:{kind.__qualname__}"
    HELD[name] = function
    return name
