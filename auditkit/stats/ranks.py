"""Ranks of weighted rows: where equal numbers stand, and the mean rank that they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditkit.stats.columns import Codes, Floats


def run_starts(ordered: Floats) -> Codes:
    """Where each run of equal numbers begins in an ordered column."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


@dataclass(frozen=True, eq=False)
class Ranking:
    """A column of n numbers in ascending order, with its runs of equal ones."""

    order: Codes
    """Row numbers from the smallest number to the largest, shape (n,)."""
    starts: Codes
    """Where each run begins in `order`, shape (runs,)."""
    runs: Codes
    """Which run a row belongs to, shape (n,)."""

    @staticmethod
    def of(column: Floats) -> Ranking:
        """The ranking of a column, shape (n,)."""
        order = np.argsort(column, kind="stable")
        starts = run_starts(column[order])
        runs = np.empty(len(column), dtype=np.intp)
        runs[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(column))))
        return Ranking(order, starts, runs)

    def midranks(self, weights: Floats) -> Floats:
        """Ranks from 1 on, equal numbers sharing their mean; a row of weight 2 stands twice.

        Args:
            weights: shape (b, n).

        Returns:
            A rank a row, shape (b, n).
        """
        sizes = np.add.reduceat(weights[:, self.order], self.starts, axis=1)
        # the run's last rank, less half of what it spans
        return np.asarray((sizes.cumsum(axis=1) - sizes + (sizes + 1) / 2)[:, self.runs])
