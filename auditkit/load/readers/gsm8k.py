"""GSM8K (Cobbe et al. 2021): JSONL with `question` and `answer`, whose last line is `#### NUMBER`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.errors import PackError
from auditkit.load.files import File, Row
from auditkit.load.readers.short_names import mark


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a problem; its target is the number alone, without separators of thousands.

    Raises:
        PackError: an answer without `####`.
    """
    for line, row in file.objects():
        _, sign, number = row["answer"].rpartition("####")
        if not sign or not number.strip():
            raise PackError(f"{file.where}:{line}: the answer has no final `#### NUMBER`")
        yield Row(line, {
            "input": {"question": row["question"]}, "target": number.strip().replace(",", ""),
            "clusters": {"problem": mark(row["question"])},
        })
