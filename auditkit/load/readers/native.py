"""auditkit's own rows: JSONL, or CSV with dotted columns.

JSONL holds one object a line. CSV names the same values by path: `id`, `target`, `origin`, `arm`, `input.FIELD`,
`choices.0.text`, `choices.0.label`, `choices.0.group`, `groups.AXIS`, `clusters.FACTOR`, `metadata.KEY`. A CSV cell
is text; an empty cell is absent, except under `input`, where it is empty text.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auditkit.errors import PackError
from auditkit.load.readers.row import File, Row
from auditkit.load.readers.tables import cells_of

PLAIN = ("id", "target", "origin", "arm")
MAPPINGS = ("input", "groups", "clusters", "metadata")
CHOICE = ("text", "label", "group")
_CHOICE = re.compile(r"choices\.(0|[1-9][0-9]?)\.(text|label|group)")
_BOM = b"\xef\xbb\xbf"


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """Rows of a `.jsonl` or `.csv` file.

    Args:
        file: the file.
        beside: not used.

    Raises:
        PackError: another ending, an empty file, a byte-order mark, text that is not UTF-8, a line that is not a JSON
            object, a repeated key, NaN, a CSV column that is not known, or a row with too many or too few cells.
    """
    suffix = Path(file.name).suffix
    if suffix == ".jsonl":
        return _jsonl(_content(file), file.where)
    if suffix == ".csv":
        return _csv(_content(file), file.where)
    raise PackError(f'{file.where}: rows are .jsonl or .csv files; convert the file, or name a "reader" in card.yaml')


def _content(file: File) -> bytes:
    content = file.content()
    if content.startswith(_BOM):
        raise PackError(f"{file.where}:1: the file begins with a byte-order mark; save it as UTF-8 without BOM")
    if not content.strip():
        raise PackError(f"{file.where}:1: the file is empty; add rows")
    return content


def _jsonl(content: bytes, where: str) -> Iterator[Row]:
    # Split at "\n" alone: str.splitlines() also splits at U+0085 and U+2028, which rows may hold.
    lines = content.removesuffix(b"\n").split(b"\n")
    for number, raw in enumerate(lines, start=1):
        yield Row(number, _object(raw, f"{where}:{number}"))


def _object(raw: bytes, where: str) -> dict[str, Any]:
    if not raw.strip():
        raise PackError(f"{where}: the line is empty; remove it")
    text = _text(raw, where)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """The pairs of an object as a mapping.

        Raises:
            PackError: a key stands twice.
        """
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise PackError(f'{where}: "{twice}" is given twice; keep one')
        return made

    def constant(name: str) -> Any:
        """Refuse `NaN`, `Infinity` and `-Infinity`, which Python would read.

        Raises:
            PackError: always.
        """
        raise PackError(f"{where}: {name} is no JSON value; write null where there is no value")

    try:
        row = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise PackError(f"{where}: not valid JSON at column {error.colno}: {error.msg}; mend the line") from None
    except RecursionError:
        raise PackError(f"{where}: nested too deeply; a row is a flat object") from None
    if not isinstance(row, dict):
        raise PackError(f"{where}: expected a JSON object, found {type(row).__name__}; write {{...}} on each line")
    return row


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackError(f"{where}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None


def _csv(content: bytes, where: str) -> Iterator[Row]:
    header: list[str] | None = None
    for begins, cells in cells_of(_text(content, where), where):
        if header is None:
            header = _header(cells, f"{where}:{begins}")
        elif len(cells) != len(header):
            raise PackError(f"{where}:{begins}: {len(cells)} cells under {len(header)} columns; mend the row")
        else:
            yield Row(begins, _nested(header, cells))


def _header(names: list[str], where: str) -> list[str]:
    for i, name in enumerate(names):
        if names.index(name) != i:
            raise PackError(f'{where}: the column "{name}" is given twice; keep one')
        if not _known(name):
            raise PackError(f'{where}: unknown column "{name}"; {_nearest(name)}')
    return names


def _known(name: str) -> bool:
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


def _nested(header: list[str], cells: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    choices: dict[int, dict[str, str]] = {}
    for name, cell in zip(header, cells, strict=True):
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
    if any(name.startswith("choices.") for name in header):
        row["choices"] = [choices[number] for number in sorted(choices)]
    return row
