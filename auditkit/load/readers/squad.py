"""SQuAD's JSON (Rajpurkar et al. 2016): articles of paragraphs of questions. XQuAD has one such file a language.

The file's name names the language: `xquad.de.json`. It becomes the arm: the translations of a question are twins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from auditkit.errors import PackError
from auditkit.load.files import File, Row


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a question, in the file's order; an article is a cluster. The line is that of the question's text.

    Articles are known by their place, which is the same in every language: their titles are translated in none.

    Raises:
        PackError: not SQuAD's JSON, or an answer that is not where it is said to be.
    """
    language = file.name.split(".")[-2]
    text = file.text()
    try:
        articles = json.loads(text)["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise PackError(f"{file.where}:1: not SQuAD's JSON: {type(error).__name__}: {error}") from None
    lines = _lines(text)
    for number, article in enumerate(articles):
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                line = lines.get(question["id"], 1)
                yield Row(line, _row(f"{file.where}:{line}", language, number, paragraph["context"], question))


def _row(where: str, language: str, article: int, context: str, question: dict[str, Any]) -> dict[str, Any]:
    for answer in question["answers"]:
        start = answer["answer_start"]
        if context[start : start + len(answer["text"])] != answer["text"]:
            raise PackError(f'{where}: the answer "{answer["text"]}" is not at character {start}')
    answers = list(dict.fromkeys(answer["text"] for answer in question["answers"]))
    return {
        "id": f"{language}-{question['id']}", "input": {"question": question["question"], "context": context},
        "target": answers[0] if answers else None, "references": answers,
        "clusters": {"article": f"article-{article}"}, "origin": question["id"], "arm": language,
        "metadata": {"language": language},
    }


def _lines(text: str) -> dict[str, int]:
    """Question id to the line that names it."""
    lines = {}
    for number, line in enumerate(text.split("\n"), start=1):
        name, colon, value = line.strip().partition('": "')
        if colon and name == '"id':
            lines[value.rstrip(',').rstrip('"')] = number
    return lines
