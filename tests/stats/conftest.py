"""Columns made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from auditkit.stats.columns import ScoreColumn

Make = Callable[..., ScoreColumn]


@pytest.fixture(scope="session")
def column() -> Make:
    """A column from rows of clusters; a text in place of a number is the reason why there is none."""

    def make(rows: Sequence[Sequence[float | str]], prefix: str = "c") -> ScoreColumn:
        flat = [cell for row in rows for cell in row]
        names = np.array([f"{prefix}{i}" for i, row in enumerate(rows) for _ in row])
        values = np.array([np.nan if isinstance(cell, str) else float(cell) for cell in flat])
        reasons = np.array([cell if isinstance(cell, str) else "" for cell in flat], dtype=object)
        return ScoreColumn(values, reasons, (names,))

    return make
