"""CoNLL columns as WNUT-17 has them (Derczynski et al. 2017): `word TAB tag`, an empty line after each sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.errors import PackError
from auditkit.load.files import File, Row
from auditkit.load.readers.short_names import mark


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a sentence, its words joined by spaces as `text`; equal sentences are one cluster.

    Raises:
        PackError: a line without a word and a tag.
    """
    words: list[str] = []
    tags: list[str] = []
    begins = 1
    for number, line in enumerate([*file.lines(), ""], start=1):
        if line.strip():
            word, tab, tag = line.rpartition("\t")
            if not tab or not word.strip() or not tag.strip():
                raise PackError(f"{file.where}:{number}: expected a word, a tab and its tag")
            words.append(word)
            tags.append(tag.strip())
            continue
        if words:
            text = " ".join(words)
            yield Row(begins, {
                "input": {"text": text}, "words": words, "tags": tags, "clusters": {"sentence": mark(text)},
            })
        words, tags, begins = [], [], number + 1
