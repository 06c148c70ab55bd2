"""Sentiment Labelled Sentences (Kotzias et al. 2015): `sentence TAB 0|1`, unquoted, one file a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.errors import PackError
from auditkit.load.files import File, Row
from auditkit.load.readers.short_names import mark

LABELS = {"0": "negative", "1": "positive"}


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a sentence; equal sentences are one cluster.

    Raises:
        PackError: a line that does not end in a tab and 0 or 1.
    """
    source = file.name.partition("_")[0]
    for number, line in enumerate(file.lines(), start=1):
        text, tab, label = line.rpartition("\t")
        if not tab or label.strip() not in LABELS:
            raise PackError(f"{file.where}:{number}: expected a sentence, a tab and 0 or 1")
        sentence = text.strip()
        yield Row(number, {
            "input": {"text": sentence}, "target": LABELS[label.strip()], "clusters": {"sentence": mark(sentence)},
            "metadata": {"topic": source},
        })
