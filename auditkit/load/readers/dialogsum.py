"""DialogSum (Chen et al. 2021), test: JSONL with a dialogue and three summaries by different annotators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.load.files import File, Row


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a dialogue, its summaries the references."""
    for line, row in file.objects():
        summaries = [row[name].strip() for name in ("summary1", "summary2", "summary3")]
        yield Row(line, {
            "id": row["fname"], "input": {"dialogue": row["dialogue"]}, "target": summaries[0],
            "references": list(dict.fromkeys(summaries)), "clusters": {"dialogue": row["fname"]},
        })
