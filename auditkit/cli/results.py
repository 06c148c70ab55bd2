"""The table of results on the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from auditkit.cli.terminal import one_line

if TYPE_CHECKING:
    from auditkit.render.view.results import BenchmarkResults
    from auditkit.schema import Audit

GUTTER = "  "


def print_results(audit: Audit) -> None:
    """What was measured where no check tells it: all rows with their baselines, groups, and what would judge them."""
    from auditkit.render.view.index import look_up
    from auditkit.render.view.results import results
    from auditkit.render.words.catalogue import say

    tables = results(look_up(audit))
    for benchmark in tables.benchmarks:
        click.echo(one_line(benchmark.title))
        for line in (*table_lines(benchmark), *benchmark.more):
            click.echo(f"{GUTTER}{line}")
    if tables.policy:
        click.echo(say("results.advice"))
        for line in tables.policy.splitlines():
            click.echo(f"{GUTTER}{one_line(line)}")


def table_lines(benchmark: BenchmarkResults) -> list[str]:
    """The rows in columns, and the headings of groups between them; no control character is left in them."""
    from auditkit.render.words.catalogue import say

    rows: list[tuple[str, ...]] = [
        (row.name, row.value, row.interval, say("results.n", n=row.n), row.baseline) for row in benchmark.rows
    ]
    for panel in benchmark.panels:
        rows.append((panel.title,))
        rows += [(GUTTER + row.name, row.value, row.interval, say("results.n", n=row.n), row.baseline)
                 for row in panel.rows]
        rows += [(GUTTER + panel.more,)] if panel.more else []
    return _aligned([tuple(map(one_line, row)) for row in rows])


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Cells in columns; a row of one cell is a heading, and does not widen the first column."""
    columns = range(max((len(row) for row in rows), default=0))
    widths = [max((_width(row[column]) for row in rows if len(row) > max(column, 1)), default=0) for column in columns]
    lines = []
    for row in rows:
        cells = [cell + " " * (widths[column] - _width(cell)) for column, cell in enumerate(row)]
        lines.append(GUTTER.join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """Columns of a terminal that a text takes: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
