"""Tables as notebooks show them, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MOST_ROWS = 40
"""Most estimates that a notebook shows of an audit."""
COLUMNS = ("estimate", "value", "interval", "n", "unscored")
"""Of a table of estimates."""


def html_table(rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of estimates.

    Args:
        rows: their cells, in the order of `COLUMNS`.
    """
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_lead(name: str, text: str) -> str:
    """What stands above a table: a name, and a sentence about it."""
    return f"<p><b>{escape(name)}</b>: {escape(text)}</p>"


def decimal(value: float | None) -> str:
    """Three decimals; a dash where it is undefined."""
    return "–" if value is None else f"{value:.3f}"
