"""FLORES-200 (NLLB Team 2022): one file a language, line by line the same sentences; a table of their articles.

The card names one file a language; English is read both as the source of every other language and as its target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditkit.errors import PackError
from auditkit.load.files import File, Row

ENGLISH = "eng_Latn.devtest"
ARTICLES = "metadata_devtest.tsv"
LANGUAGES = {
    "arb": ("Arabic", "ar"), "deu": ("German", "de"), "eng": ("English", "en"), "fra": ("French", "fr"),
    "hin": ("Hindi", "hi"), "jpn": ("Japanese", "ja"), "por": ("Portuguese", "pt"), "rus": ("Russian", "ru"),
    "spa": ("Spanish", "es"), "swh": ("Swahili", "sw"), "zho": ("Chinese", "zh"),
}
"""ISO 639-3 code to the language's English name and BCP 47 tag."""


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """Two rows a sentence: out of English, and into it. A sentence's translations are twins, an article a cluster.

    Raises:
        PackError: files that do not have the same number of lines.
    """
    code = file.name[:3]
    articles = [cells for _, cells in beside[ARTICLES].table(delimiter="\t")]
    english, other = beside[ENGLISH].lines(), file.lines()
    if not len(english) == len(other) == len(articles):
        raise PackError(f"{file.where}: {len(other)} sentences for {len(english)} English ones of {len(articles)} rows")
    for source, target, texts in (("eng", code, (english, other)), (code, "eng", (other, english))):
        for number, (text, translation, article) in enumerate(zip(*texts, articles, strict=True), start=1):
            yield Row(number, _row(source, target, number, text, translation, article))


def _row(
    source: str, target: str, number: int, text: str, translation: str, article: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "id": f"{source}-{target}-{number}",
        "input": {"source": text, "source_language": LANGUAGES[source][0], "target_language": LANGUAGES[target][0]},
        "target": translation, "references": [translation], "clusters": {"article": article["URL"]},
        "origin": f"devtest-{number}", "arm": f"{source}-{target}",
        "metadata": {
            "language": LANGUAGES[target][1], "source_language": LANGUAGES[source][1], "domain": article["domain"],
        },
    }
