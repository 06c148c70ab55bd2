"""SciTLDR-A (Cachola et al. 2020): JSONL with the abstract's sentences and one or more summaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.load.files import File, Row


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a paper, every summary a reference."""
    for line, row in file.objects():
        summaries = [text.strip() for text in row["target"]]
        yield Row(line, {
            "id": row["paper_id"], "input": {"abstract": " ".join(sentence.strip() for sentence in row["source"])},
            "target": summaries[0], "references": summaries, "clusters": {"paper": row["paper_id"]},
        })
