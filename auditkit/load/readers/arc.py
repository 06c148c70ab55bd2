"""ARC (Clark et al. 2018) as redistributed: CSV without a header, asked by the options' texts rather than letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import ascii_uppercase

from auditkit.load.files import File, Row
from auditkit.load.readers.lettered import questions
from auditkit.load.readers.short_names import mark


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a question; rows that ask the same with other options are one cluster."""
    for line, question, options, letter in questions(file):
        yield Row(line, {
            "input": {"question": question}, "target": letter,
            "choices": [{"text": text, "label": name} for name, text in zip(ascii_uppercase, options, strict=False)],
            "clusters": {"question": mark(question)},
        })
