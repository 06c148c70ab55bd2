"""Banking77 (Casanueva et al. 2020): CSV with the columns `text` and `category`; the card names the classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.load.files import File, Row
from auditkit.load.readers.short_names import mark


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a message; a message is a cluster of its own."""
    for line, cells in file.table():
        yield Row(line, {
            "input": {"text": cells["text"]}, "target": cells["category"], "clusters": {"message": mark(cells["text"])},
        })
