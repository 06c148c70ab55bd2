"""BoolQ (Clark et al. 2019): JSONL with question, title, passage and an answer, "True" or "False" as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.errors import PackError
from auditkit.load.files import File, Row

ANSWERS = {"True": "yes", "False": "no", True: "yes", False: "no"}


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a question; the passages of one article are a cluster.

    Raises:
        PackError: an answer that is neither true nor false.
    """
    for line, row in file.objects():
        if row["answer"] not in ANSWERS:
            raise PackError(f'{file.where}:{line}: "answer" is {row["answer"]!r}; expected "True" or "False"')
        yield Row(line, {
            "input": {"passage": row["passage"], "question": row["question"]}, "target": ANSWERS[row["answer"]],
            "choices": [{"text": "yes", "label": "yes"}, {"text": "no", "label": "no"}],
            "clusters": {"article": row["title"]},
        })
