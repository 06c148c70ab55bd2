"""Which columns of a classification's file hold text, label and groups: taken by name, else by what they hold.

What is taken is told with its reason, so that whoever reads it can correct it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditkit.errors import PackError
from auditkit.load.tasks.groups import MISSING
from auditkit.load.tasks.row import text_of
from auditkit.load.user_tables import UserTable

TEXT_NAMES = ("text", "review", "comment", "sentence", "tweet", "post", "message", "content", "body", "document",
              "utterance", "question", "input", "prompt", "title")
LABEL_NAMES = ("label", "labels", "target", "class", "category", "gold", "answer", "stars", "rating", "sentiment", "y",
               "intent", "topic", "toxic", "hate", "decision", "outcome")
GROUP_NAMES = ("gender", "sex", "race", "ethnicity", "ethnic", "age", "religion", "dialect", "nationality", "origin",
               "country", "disability", "orientation", "sexuality", "caste", "income", "education", "group")
"""Words of columns' names, the surest first."""
MOST_CLASSES = 50
"""More different values than that are no classes, unless a user says so."""
MOST_GROUPS = 30
"""More different values than that are no groups."""
_WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Column:
    """What a column holds."""

    name: str
    values: Counter[str]
    """Each text and how often; what is missing is left out."""
    missing: int

    @property
    def length(self) -> float:
        """Mean number of characters."""
        rows = sum(self.values.values())
        return sum(len(value) * number for value, number in self.values.items()) / rows if rows else 0.0


@dataclass(frozen=True)
class Role:
    """What a column was taken for, and why."""

    role: str
    """`text`, `label`, or a demographic axis."""
    column: str
    reason: str


@dataclass(frozen=True)
class Roles:
    """The columns of a file."""

    columns: tuple[Role, ...]
    """Text and label."""
    groups: tuple[Role, ...]
    unused: tuple[str, ...]


def columns_of(table: UserTable) -> list[Column]:
    """All columns of a table that hold texts, numbers or truth values; one of lists or mappings is left out."""
    values: dict[str, list[str] | None] = {name: [] for name in table.columns}
    for number, row in table.rows:
        place = table.place(number)
        for name, cells in values.items():
            if cells is not None:
                values[name] = _with(cells, table.value(row, name, place), place, name)
    columns = []
    for name, cells in values.items():
        if cells is not None:
            counted = Counter(cell for cell in cells if cell not in MISSING)
            columns.append(Column(name, counted, len(cells) - sum(counted.values())))
    return columns


def _with(cells: list[str], value: object, place: str, name: str) -> list[str] | None:
    try:
        cells.append(text_of(value, place, name, empty=True).strip())
    except PackError:  # a list, a mapping or a fraction: neither text nor group
        return None
    return cells


def find_roles(
    columns: Sequence[Column], where: str, stated: Mapping[str, str], groups: Mapping[str, str]
) -> Roles:
    """Text, label and groups of a classification.

    Args:
        columns: what the file holds.
        where: its name in messages.
        stated: what the user said: the kind's names (`text`, `label`) to columns.
        groups: what the user said: axis to column; where there are any no others are looked for.

    Raises:
        PackError: no column holds texts, or none holds classes; says which option names it.
    """
    free = {column.name: column for column in columns}
    roles = [Role(name, column, "named by you") for name, column in stated.items()]
    axes = [Role(axis, column, "named by you") for axis, column in groups.items()]
    for role in (*roles, *axes):
        free.pop(role.column, None)
    if not groups:
        axes = [
            Role(axis, column.name, f"the column is called so: {_listed(column)}") for column in list(free.values())
            if (axis := _axis(column)) is not None and 2 <= len(column.values) <= MOST_GROUPS
        ]
        for role in axes:
            free.pop(role.column)
    for name, find in (("label", _label), ("text", _text)):
        if name in stated:
            continue
        looked_for = find(list(free.values()))
        if looked_for is None:
            listed = ", ".join(column.name for column in columns)
            raise PackError(
                f"{where}: no column could be taken for the {name} (columns: {listed}); say which it is: "
                f"--columns {name}=COLUMN"
            )
        roles.insert(0, looked_for)
        free.pop(looked_for.column)
    return Roles(tuple(roles), tuple(axes), tuple(free))


def _axis(column: Column) -> str | None:
    """The demographic axis that a column's name says; the name itself is the axis's."""
    words = _words(column.name)
    if not any(word in GROUP_NAMES for word in words):
        return None
    return re.sub(r"[^a-z0-9]+", "-", column.name.lower()).strip("-") or None


def _label(columns: Sequence[Column]) -> Role | None:
    """The column of classes: by its name, else the one with the fewest different values."""
    rows = max((sum(column.values.values()) for column in columns), default=0)
    fit = [column for column in columns if 2 <= len(column.values) <= min(MOST_CLASSES, max(2, rows // 2))]
    for column in _by_name(fit, LABEL_NAMES):
        return Role("label", column.name, f"the column is called so, and holds {_listed(column)}")
    whole = [column for column in fit if not column.missing]
    if not whole:
        return None
    column = min(whole, key=lambda item: len(item.values))
    return Role("label", column.name, f"it has the fewest different values: {_listed(column)}")


def _text(columns: Sequence[Column]) -> Role | None:
    """The column of texts: by its name, else the one with the longest."""
    fit = [column for column in columns if len(column.values) > 1 and not _numbers(column)]
    for column in _by_name(fit, TEXT_NAMES):
        return Role("text", column.name, f"the column is called so; {column.length:.0f} characters on average")
    if not fit:
        return None
    column = max(fit, key=lambda item: item.length)
    return Role("text", column.name, f"its texts are the longest: {column.length:.0f} characters on average")


def _by_name(columns: Iterable[Column], names: Sequence[str]) -> list[Column]:
    """Columns whose name holds one of the words, the surest word first, whole names before parts."""
    ranked = []
    for column in columns:
        places = [names.index(word) for word in _words(column.name) if word in names]
        if places:
            ranked.append((column.name.lower() not in names, min(places), column.name, column))
    return [column for *_, column in sorted(ranked, key=lambda item: item[:3])]


def _words(name: str) -> list[str]:
    """`author_gender` and `authorGender` → author, gender."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in _WORDS.findall(parted.replace("_", " "))]


def _numbers(column: Column) -> bool:
    return all(re.fullmatch(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?", value) for value in column.values)


def _listed(column: Column) -> str:
    """`neg 198, pos 102; 12 rows hold nothing`."""
    common = column.values.most_common(6)
    text = ", ".join(f"{value[:30]} {number}" for value, number in common)
    text += f" and {len(column.values) - 6} more" if len(column.values) > 6 else ""
    return text + (f"; {column.missing} rows hold nothing" if column.missing else "")
