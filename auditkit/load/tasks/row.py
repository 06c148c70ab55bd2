"""One row of the user's data by the task's own names, and how its cells become texts, labels, lists and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditkit.errors import PackError
from auditkit.load.tasks.list_cells import list_in

SEPARATOR = ";"
"""Between several labels or choices in one cell, unless the task names another."""
_SHOWN = 40
"""Characters of a wrong value that a message shows."""


def text_of(value: Any, place: str, name: str, *, empty: bool = False) -> str:
    """A text; a whole number and a truth value are ones too, as ids and labels often are.

    Args:
        value: the cell.
        place: the row, for messages.
        name: of the value, for messages.
        empty: whether nothing is an empty text, rather than a fault.

    Raises:
        PackError: nothing where there must be something, or another type.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, int):
        value = str(value)
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        if empty:
            return ""
        raise PackError(f'{place}: "{name}" is missing; fill it, or remove the row')
    if not isinstance(value, str):
        raise PackError(f'{place}: "{name}" is {_excerpt(value)}; expected text')
    if not value.strip() and not empty:
        raise PackError(f'{place}: "{name}" is blank; fill it, or remove the row')
    return value


def _excerpt(value: Any) -> str:
    return f"{type(value).__name__} ({str(value)[:_SHOWN]})"


@dataclass(frozen=True)
class TaskRow:
    """A row before it becomes a sample."""

    number: int
    """Its line, or its number, from 1."""
    place: str
    """The row as messages name it."""
    values: Mapping[str, Any]
    """The cells of the columns that the task's kind reads, by the kind's names for them."""
    groups: Mapping[str, Any]
    """Demographic axis to the cell of its column."""
    clusters: Mapping[str, Any]
    """Column to its cell, for the columns that make rows dependent."""
    metadata: Mapping[str, Any]
    """Column to its cell, for the columns that are kept beside the sample."""
    separator: str | None = None
    """What the task says stands between several values in one cell."""

    def text(self, name: str, *, empty: bool = False) -> str:
        """A text, as it was written.

        Raises:
            PackError: as `text_of`.
        """
        return text_of(self.values.get(name), self.place, name, empty=empty)

    def label(self, name: str) -> str:
        """A class or tag: a text without the blanks around it, or the one item of a list.

        Raises:
            PackError: as `text_of`; or a list of several.
        """
        items = self._listed(name, numbers=False)
        if items is None or not isinstance(self.values[name], str):
            return self.text(name).strip()
        if len(items) != 1:
            several = "multi-label-classification takes several"
            raise PackError(f'{self.place}: "{name}" is a list of {len(items)}; give one label, or {several}')
        return text_of(items[0], self.place, name).strip()

    def _listed(self, name: str, *, numbers: bool) -> list[Any] | None:
        """The list that a cell holds, as itself or written as text; `None` where it holds none."""
        value = self.values.get(name)
        if isinstance(value, list):
            return value
        try:
            return list_in(value, numbers=numbers) if isinstance(value, str) else None
        except ValueError as error:
            raise PackError(f'{self.place}: "{name}" {error}') from None

    def texts(self, name: str, *, separator: str | None = SEPARATOR, none: bool = False) -> list[str]:
        """Several texts: a list, or the parts of one cell.

        Args:
            name: the kind's name for the column.
            separator: what stands between the parts, unless the task says so; `None` for blanks.
            none: whether `[]`, and nothing else, says that there are none.

        Raises:
            PackError: nothing, or neither a list nor a text.
        """
        value = self.values.get(name)
        items = self._listed(name, numbers=True)
        if items is not None:
            value = items or ([] if none or isinstance(value, list) else None)
        elif isinstance(value, str):
            parts = [part.strip() for part in value.split(self.separator or separator) if part.strip()]
            value = [] if none and parts == ["[]"] else parts or None
        if value is None:
            remedy = "write [] if there is none" if none else "fill it"
            raise PackError(f'{self.place}: "{name}" is missing; {remedy}, or remove the row')
        if not isinstance(value, list):
            raise PackError(f'{self.place}: "{name}" is {_excerpt(value)}; expected a list')
        return [text_of(item, self.place, name) for item in value]

    def labels(self, name: str, *, separator: str | None = SEPARATOR, none: bool = False) -> list[str]:
        """Several classes or tags, as `texts`, without the blanks around each.

        Raises:
            PackError: as `texts`.
        """
        return [label.strip() for label in self.texts(name, separator=separator, none=none)]

    def references(self, name: str) -> dict[str, Any]:
        """One text, a list of them, or what the task's separator parts: the first is the target, all are references.

        Raises:
            PackError: there is none.
        """
        listed = self._listed(name, numbers=False) or isinstance(self.values.get(name), list)
        several = self.separator is not None or listed
        texts = self.texts(name) if several else [self.text(name)]
        if not texts:
            raise PackError(f'{self.place}: "{name}" is missing; fill it, or remove the row')
        return {"target": texts[0], "references": list(dict.fromkeys(texts))}

    def cluster_ids(self, *, missing: bool = False) -> dict[str, str]:
        """Column to the id of what the row shares with others.

        Args:
            missing: whether a row may be without one; it then shares nothing.

        Raises:
            PackError: an id that must be there is missing, or is not text.
        """
        ids = {name: text_of(value, self.place, name, empty=missing) for name, value in self.clusters.items()}
        return {name: cluster for name, cluster in ids.items() if cluster.strip()}
