"""Names to objects, through entry points: built-ins load exactly as plugins do.

One entry-point group, `auditkit`; an entry is named `kind.name`, so that listing imports nothing.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from auditkit.errors import RegistryError

GROUP = "auditkit"
T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """One registered object."""

    kind: str
    """metric, rule, reader, model …"""
    name: str
    target: str
    """`module:object`."""
    distribution: str
    """The installed package that brings it."""
    problem: str | None = None
    """Why it cannot be used: a broken import, or a doubled name."""

    @property
    def built_in(self) -> bool:
        """Whether auditkit itself brings it."""
        return self.target.startswith("auditkit.")


@cache
def _entries() -> dict[tuple[str, str], tuple[EntryPoint, ...]]:
    found: dict[tuple[str, str], dict[str, EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        kind, _, name = entry.name.partition(".")
        found.setdefault((kind, name), {})[entry.value] = entry
    return {key: tuple(entries.values()) for key, entries in found.items()}


def names(kind: str) -> list[str]:
    """Sorted names of everything registered under a kind; imports nothing."""
    return sorted(name for entry_kind, name in _entries() if entry_kind == kind)


@cache
def get(kind: str, name: str) -> Any:
    """The object that is registered as `kind.name`.

    Raises:
        RegistryError: no such name (the nearest one is told), two modules claim it, or its import fails.
    """
    entries = _entries().get((kind, name), ())
    if not entries:
        near = difflib.get_close_matches(name, names(kind), n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise RegistryError(
            f'no {kind} is called "{name}"{hint} (`auditkit list plugins` shows all; '
            f"a new built-in is visible after `pip install -e .` has run again)"
        )
    if len(entries) > 1:
        modules = " and ".join(sorted(entry.value for entry in entries))
        raise RegistryError(f'two modules register the {kind} "{name}": {modules}; uninstall or rename one')
    try:
        return entries[0].load()
    except Exception as error:
        raise RegistryError(
            f'the {kind} "{name}" ({entries[0].value}) cannot be imported: {type(error).__name__}: {error}'
        ) from error


def plugins(*, check: bool = False) -> list[Plugin]:
    """Everything registered.

    Args:
        check: import each object, and report what is broken.
    """
    listed = []
    for (kind, name), entries in sorted(_entries().items()):
        problem = None
        if check or len(entries) > 1:
            try:
                get(kind, name)
            except RegistryError as error:
                problem = str(error)
        for entry in entries:
            dist = entry.dist.name if entry.dist else "?"
            listed.append(Plugin(kind, name, entry.value, dist, problem))
    return listed


def load_all(kind: str, of: type[T]) -> tuple[dict[str, T], tuple[Plugin, ...]]:
    """Everything registered under a kind, by name, and the plugins that cannot be used.

    Args:
        kind: the part of the entry points' names before the dot.
        of: what their objects must be.

    Raises:
        RegistryError: a built-in cannot be used, or a plugin claims its name.
    """
    loaded: dict[str, T] = {}
    broken = []
    for plugin in (plugin for plugin in plugins() if plugin.kind == kind):
        try:
            item = get(kind, plugin.name)
            if not isinstance(item, of):
                raise RegistryError(f'the {kind} "{plugin.name}" ({plugin.target}) is not of the type {of.__name__}')
            loaded[plugin.name] = item
        except RegistryError as error:
            if any(other.built_in for other in plugins() if (other.kind, other.name) == (kind, plugin.name)):
                raise
            broken.append(replace(plugin, problem=str(error)))
    return loaded, tuple(broken)
