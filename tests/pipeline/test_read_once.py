"""A user's file is opened once in an audit: what is hashed, checked and measured are the same bytes."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.load.packs import seal
from auditkit.pipeline.finetune import finetune

opened: list[str] | None = None


def _note(event: str, args: tuple[Any, ...]) -> None:
    if opened is not None and event == "open" and isinstance(args[0], (str, os.PathLike)):
        opened.append(os.fspath(args[0]))


sys.addaudithook(_note)  # it cannot be taken away again: it notes nothing while `opened` is None


@pytest.fixture
def opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], Counter[str]]:
    """Runs something in a folder, and counts how often it opens each file in it."""
    monkeypatch.chdir(tmp_path)

    def count(run: Callable[[], object]) -> Counter[str]:
        global opened
        opened = []
        try:
            run()
        finally:
            paths, opened = opened, None
        return Counter(os.path.relpath(os.path.realpath(path), os.path.realpath(tmp_path)) for path in paths)

    return count


CARD = """\
name: small
version: 1
title: Small
measures: Sentiment.
limits: Nothing.
license: Apache-2.0
source: written for the test
citation: none
language: en
request: classify
rules: [probabilities]
templates: [{text: "{text}", inputs: [text]}]
files: [rows.jsonl]
clusters: [text]
metrics: [{metric: accuracy, arm: base}]
rows: 0
sha256: ""
"""


def test_an_audit_opens_each_file_of_the_user_once(opens: Callable[[Callable[[], object]], Counter[str]]) -> None:
    Path("mine.csv").write_text("text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(40)))
    Path("other.jsonl").write_text("".join(json.dumps({"text": f"t {i}", "label": i % 2}) + "\n" for i in range(40)))
    Path("small").mkdir()
    Path("small/card.yaml").write_text(CARD)
    choices = [{"text": name, "label": name} for name in "ab"]
    Path("small/rows.jsonl").write_text("".join(
        json.dumps({"id": f"{i}", "input": {"text": f"s {i}"}, "target": "ab"[i % 2], "choices": choices,
                    "clusters": {"text": str(i)}}) + "\n"
        for i in range(40)
    ))
    seal(Path("small"))
    ids = [f"small/{i}" for i in range(40)]
    Path("answers.jsonl").write_text("".join(json.dumps({"id": name, "answer": "a"}) + "\n" for name in ids))
    tasks = [{"name": path.partition(".")[0], "task": "classification", "data": path} for path in (
        "mine.csv", "other.jsonl",
    )]
    counts = opens(lambda: auditkit.audit(
        "predictions:answers.jsonl", packs=["./small"], tasks=tasks, out="run", explain={"samples": 0},
    ))
    files = ("mine.csv", "other.jsonl", "small/rows.jsonl", "answers.jsonl")
    assert {name: counts[name] for name in files} == dict.fromkeys(files, 1)


def test_fine_tuning_opens_its_rows_once(
    opens: Callable[[Callable[[], object]], Counter[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("rows.csv").write_text("text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(40)))
    Path("held.csv").write_text("text,label\nx,a\ny,b\n")

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("auditkit.pipeline.finetune.locate", stop)

    def run() -> None:
        with pytest.raises(KeyboardInterrupt):
            finetune("base", data="rows.csv", validation="held.csv", task="classification", out="model")

    counts = opens(run)
    assert (counts["rows.csv"], counts["held.csv"]) == (1, 1)
