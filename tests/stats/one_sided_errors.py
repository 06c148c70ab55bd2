"""How often each limit lies on the wrong side of the truth, simulated: the table of docs/reference/intervals.md.

    python -m tests.stats.one_sided_errors --write

A gate that compares a limit with a bound errs most where the truth is the bound itself: then the share of worlds whose
limit lies beyond the truth is the share of wrong decisions. A world without an interval decides nothing, and is no
error.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditkit.stats.intervals import interval

from . import cells, corpus_cells
from .cells import Cell

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "intervals.md"
MARK = "<!-- the table below is written by the command above -->\n"

FAMILIES: tuple[tuple[Callable[[], Iterator[Cell]], int], ...] = (
    (cells.share_cells, 2_000), (cells.graded_cells, 2_000), (cells.signed_cells, 2_000), (cells.paired_cells, 2_000),
    (cells.group_cells, 1_000), (cells.gap_cells, 500), (cells.crossed_cells, 1_000),
    (corpus_cells.corpus_cells, 500),
)
"""Cells that are alike, and how many worlds of each are drawn for the page."""


@dataclass(frozen=True)
class Errors:
    """What was seen of one cell."""

    cell: Cell
    low: float
    """Share of the worlds whose lower limit lies above the truth: of a harm, a false failure."""
    high: float
    """Share of the worlds whose upper limit lies below the truth: of a harm, a false pass."""
    width: float
    """Mean width of the intervals that have two ends; NaN without any."""

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.low, self.high)


def simulate(cell: Cell, runs: int, level: float = 0.95) -> Errors:
    """Draw worlds of a cell, with a seed that depends on the cell alone."""
    rng = np.random.default_rng(zlib.crc32(f"{cell.rule}|{cell.data}|{cell.truth}".encode()))
    low_errors, high_errors, widths, slack = 0, 0, [], 1e-9
    for _ in range(runs):
        low, high = interval(cell.draw(rng).spread, level)
        low_errors += low is not None and low > cell.truth + slack
        high_errors += high is not None and high < cell.truth - slack
        if low is not None and high is not None:
            widths.append(high - low)
    width = float(np.mean(widths)) if widths else float("nan")
    return Errors(cell, low_errors / runs, high_errors / runs, width)


def table(seen: Iterable[Errors]) -> str:
    """Markdown: a table a rule, a line a cell, in the order in which they come."""
    rules: dict[str, list[Errors]] = {}
    for errors in seen:
        rules.setdefault(errors.cell.rule, []).append(errors)
    lines = []
    for rule, members in rules.items():
        worst = max(errors.worst for errors in members)
        lines += [f"\n## {rule[0].upper()}{rule[1:]}\n", f"Worst: {worst:.4f}.\n",
                  "| data | truth | lower limit above it | upper limit below it | width |",
                  "| --- | --- | --- | --- | --- |"]
        lines += [
            f"| {e.cell.data} | {e.cell.truth:.3g} | {e.low:.4f} | {e.high:.4f} | {e.width:.3g} |" for e in members
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate every cell, print the table, and put it into the page."""
    parser = argparse.ArgumentParser(description="How often each limit lies on the wrong side of the truth.")
    parser.add_argument("--share", type=float, default=1.0, help="of the worlds that the page has, e.g. 0.1")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reference/intervals.md")
    options = parser.parse_args()
    seen = [
        simulate(cell, max(1, round(runs * options.share))) for family, runs in FAMILIES for cell in family()
    ]
    text = table(seen)
    print(text)
    if options.write:
        head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
        PAGE.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
