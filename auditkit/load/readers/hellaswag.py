"""HellaSwag (Zellers et al. 2019) as plain text: six lines an item: `activity: context`, the label, four endings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.errors import PackError
from auditkit.load.files import File, Row


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row an item; the items of one activity (or WikiHow category) are a cluster.

    Raises:
        PackError: lines that do not make complete items, or a label that is not the number of an ending.
    """
    lines = file.lines()
    if len(lines) % 6:
        raise PackError(f"{file.where}: {len(lines)} lines; an item has six")
    for start in range(0, len(lines), 6):
        context, label, *endings = lines[start : start + 6]
        activity, colon, _ = context.partition(":")
        if not colon or label not in ("0", "1", "2", "3"):
            raise PackError(f"{file.where}:{start + 1}: expected `activity: context`, then 0, 1, 2 or 3")
        yield Row(start + 1, {
            "input": {"context": context}, "target": label,
            "choices": [{"text": ending, "label": str(i)} for i, ending in enumerate(endings)],
            "clusters": {"activity": activity},
        })
