"""MMLU (Hendrycks et al. 2021): one headerless CSV a subject, `test/anatomy_test.csv`, asked by letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from auditkit.load.files import File, Row
from auditkit.load.readers.lettered import lettered, questions


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a question; a subject is a cluster."""
    subject = PurePosixPath(file.name).stem.removesuffix("_test").replace("_", " ")
    for line, question, options, letter in questions(file):
        row = lettered(question, options, letter)
        row["input"]["subject"] = subject
        yield Row(line, {**row, "clusters": {"subject": subject}, "metadata": {"topic": subject}})
