"""auditkit's own rows: JSONL, or CSV with dotted columns.

JSONL holds one object a line. CSV names the same values by path: `id`, `target`, `origin`, `arm`, `input.FIELD`,
`choices.0.text`, `choices.0.label`, `choices.0.group`, `groups.AXIS`, `clusters.FACTOR`, `metadata.KEY`. A CSV cell
is text; an empty cell is absent, except under `input`, where it is empty text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.formats.json_rows import json_lines
from auditkit.formats.tables import Cells, read_table
from auditkit.formats.text import BYTE_ORDER_MARK
from auditkit.load.files import File, Row

PLAIN = ("id", "target", "origin", "arm")
MAPPINGS = ("input", "groups", "clusters", "metadata")
CHOICE = ("text", "label", "group")
_CHOICE = re.compile(r"choices\.(0|[1-9][0-9]?)\.(text|label|group)")


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """Rows of a `.jsonl` or `.csv` file.

    Args:
        file: the file.
        beside: not used.

    Raises:
        PackError: another ending, a byte-order mark, or a CSV column that is not known.
        FormatError: an empty file, text that is not UTF-8, a line that is not a JSON object, a repeated key, NaN, or a
            row with too many or too few cells.
    """
    suffix = Path(file.name).suffix
    if suffix == ".jsonl":
        return (Row(line, data) for line, data in json_lines(_checked(file), file.where))
    if suffix == ".csv":
        return _table(_checked(file), file.where)
    raise PackError(f'{file.where}: rows are .jsonl or .csv files; convert the file, or name a "reader" in card.yaml')


def _checked(file: File) -> bytes:
    content = file.content()
    if content.startswith(BYTE_ORDER_MARK):
        raise PackError(f"{file.where}:1: the file begins with a byte-order mark; save it as UTF-8 without BOM")
    return content


def _table(content: bytes, where: str) -> Iterator[Row]:
    table = read_table(content, where)
    _check_columns(table.columns, f"{where}:1")
    return (Row(line, _nested(cells)) for line, cells in table.rows)


def _check_columns(names: Sequence[str], where: str) -> None:
    for name in names:
        if not _exists(name):
            raise PackError(f'{where}: unknown column "{name}"; {_nearest(name)}')


def _exists(name: str) -> bool:
    head, _, rest = name.partition(".")
    return name in PLAIN or (head in MAPPINGS and bool(rest)) or _CHOICE.fullmatch(name) is not None


def _nearest(name: str) -> str:
    head, dot, rest = name.partition(".")
    if not dot:
        close = difflib.get_close_matches(name, [*PLAIN, *MAPPINGS, "choices"], n=1, cutoff=0.5)
        if close and close[0] in PLAIN:
            return f'did you mean "{close[0]}"?'
        if close:
            return f'did you mean "{close[0]}.{"0.text" if close[0] == "choices" else "NAME"}"?'
    else:
        close = difflib.get_close_matches(head, [*MAPPINGS, "choices"], n=1, cutoff=0.5)
        if close and close[0] != "choices":
            return f'did you mean "{close[0]}.{rest or "NAME"}"?'
        if close:
            return f'did you mean "{_choice_column(rest)}"?'
    return f"valid columns: {', '.join([*PLAIN, *(f'{m}.NAME' for m in MAPPINGS), 'choices.0.text|label|group'])}"


def _choice_column(rest: str) -> str:
    number, _, part = rest.partition(".")
    part = part or (number if not number.isdigit() else "text")
    close = difflib.get_close_matches(part, CHOICE, n=1, cutoff=0.0)
    return f"choices.{number if number.isdigit() else '0'}.{close[0] if close else 'text'}"


def _nested(cells: Cells) -> dict[str, Any]:
    row: dict[str, Any] = {}
    choices: dict[int, dict[str, str]] = {}
    for name, cell in cells.items():
        head, _, rest = name.partition(".")
        if head == "target":
            row["target"] = cell or None
        elif head in MAPPINGS:
            mapping = row.setdefault(head, {})
            if cell or head == "input":
                mapping[rest] = cell
        elif head == "choices":
            number, _, part = rest.partition(".")
            if cell:
                choices.setdefault(int(number), {})[part] = cell
        elif cell:
            row[head] = cell
    if any(name.startswith("choices.") for name in cells):
        row["choices"] = [choices[number] for number in sorted(choices)]
    return row
