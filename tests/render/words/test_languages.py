"""A second language is a second folder with the same keys and nothing else: made here, with every sentence marked."""

from __future__ import annotations

import html as entities
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditkit.render import words
from auditkit.render.view.reproduce import command
from auditkit.render.view.visible import visible
from auditkit.render.words import catalogue
from auditkit.render.words.catalogue import read
from auditkit.render.write import html, junit, markdown, sarif
from auditkit.schema import Audit

OPEN, CLOSE = "⟪", "⟫"
SIGNS = {"numbers.decimal_sign", "numbers.thousands_sign"}


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The language `qx`: English, each sentence between marks."""
    folder = tmp_path / "qx"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    modules: dict[str, dict[str, str]] = {}
    for key, sentence in read("en").sentences.items():
        module, _, name = key.partition(".")
        modules.setdefault(module, {})[name] = sentence if key in SIGNS else OPEN + sentence + CLOSE
    for module, sentences in modules.items():
        (folder / f"{module}.py").write_text(f"WORDS = {sentences!r}\n", encoding="utf-8")
    monkeypatch.setattr(words, "__path__", [*words.__path__, str(tmp_path)])
    monkeypatch.setattr(catalogue, "LANGUAGE", "qx")
    yield
    read.cache_clear()


def outside(text: str) -> str:
    """What of a text stands in no marks, so that no language says it."""
    depth, kept = 0, []
    for character in text:
        depth += (character == OPEN) - (character == CLOSE)
        assert depth >= 0, "a sentence was cut in two"
        kept.append(character if depth == 0 and character != CLOSE else "\x01" if character == CLOSE else "")
    assert depth == 0, "a sentence was cut in two"
    return "".join(kept)


def texts(value: Any) -> Iterator[str]:
    """All texts of a record, keys among them."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (str(key), *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    else:
        yield str(value)


def unsaid(text: str, audit: Audit, *also: str) -> set[str]:
    """Words outside of all sentences that the audit does not hold either."""
    data = visible("\n".join([*texts(json.loads(audit.model_dump_json())), command(audit), *also])).lower()
    data += data.replace("_", " ") + data.replace("ġ", " ")
    pieces = {piece.strip() for piece in re.split(r"[\x01\n;,|:]|(?<=\w)\. ", outside(text))}
    return {
        piece for piece in pieces
        if re.search(r"[A-Za-z]{2,}", piece) and not all(word.lower() in data for word in re.findall(r"\w+", piece))
    }


@pytest.mark.usefixtures("marked")
def test_the_page_says_nothing_outside_the_catalogue(audit: Audit) -> None:
    page = html.render(audit).decode("utf-8")
    assert '<html lang="qx">' in page
    body = page[page.index("<body>"):]
    read_aloud = re.findall(r'(?:aria-label|title)="([^"]*)"', body)
    shown = re.sub(r"<[^>]*>", "\n", body)
    assert shown.count(OPEN) > 1000
    assert unsaid(entities.unescape("\n".join([shown, *read_aloud])), audit) == set()


@pytest.mark.usefixtures("marked")
def test_markdown_and_junit_say_nothing_outside_the_catalogue(audit: Audit) -> None:
    text = re.sub(r"</?(details|summary|br|span)>|<!-- -->", "\n", markdown.render(audit).decode("utf-8"))
    assert unsaid(re.sub(r"\\(?=\W)", "", text), audit, "sh", "br") == set()
    found = re.findall(r'message="([^"]*)"|>([^<]+)<', junit.render(audit).decode("utf-8"))
    cases = "\n".join(text for pair in found for text in pair)
    assert cases.count(OPEN) > 200
    assert unsaid(entities.unescape(cases), audit) == set()


@pytest.mark.usefixtures("marked")
def test_sarif_says_nothing_outside_the_catalogue(audit: Audit) -> None:
    run = json.loads(sarif.render(audit))["runs"][0]
    messages = [result["message"]["text"] for result in run["results"]]
    messages += [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    messages += [rule["help"]["text"] for rule in run["tool"]["driver"]["rules"]]
    assert len(messages) > 20
    assert unsaid("\n".join(messages), audit) == set()
