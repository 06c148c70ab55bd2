"""How often Python looks for garbage in cycles while rows become records, and records numbers."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (100_000, 20, 20)
"""Objects made before a look at the youngest; looks before one at the older ones. Python's own are (700, 10, 10)."""


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look rarely.

    An audit holds a hundred objects a row, none of them in a cycle, and each look goes through them: a fifth of the
    time of 20,000 rows. Not while a model answers: cycles may hold its tensors, which are large.
    """
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
