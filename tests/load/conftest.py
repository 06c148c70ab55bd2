"""A small pack on disk that each test may spoil."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditkit.load.packs import Pack, open_pack, seal

CARD = """\
name: small
version: 1
title: Small
measures: |
  What it measures.
  rows: not a key
limits: Nothing.
license: Apache-2.0
source: written for the test
citation: none
language: en
request: choose   # kind
rules: [loglikelihood, letter, label]
templates:
  - text: "{context} {question} {option_1} or {option_2}?"
    prefix: "Answer:"
files: [rows.jsonl]
groups: [gender]
clusters: [template]
metrics:
  - {metric: accuracy, arm: ambiguous, slices: [axis]}
rows: 0
sha256: ""
"""


def row(number: int, **changes: Any) -> dict[str, Any]:
    """A valid row; `changes` replace keys, `None` values that are `...` remove them."""
    made: dict[str, Any] = {
        "id": f"r-{number}",
        "input": {"context": f"Context {number}.", "question": "Who?"},
        "target": "unknown",
        "choices": [
            {"text": "Anna", "label": "stereotype", "group": "female"},
            {"text": "Tom", "label": "anti", "group": "male"},
            {"text": "Unknown", "label": "unknown", "group": None},
        ],
        "groups": {"gender": "female"},
        "clusters": {"template": f"t-{number // 2}"},
        "origin": f"o-{number}",
        "arm": "ambiguous",
        "metadata": {"axis": "gender"},
    }
    made.update(changes)
    return {key: value for key, value in made.items() if value is not ...}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pack]:
    """Write a sealed pack of rows (objects, or raw lines) and open it."""

    def build(rows: list[Any], card: str = CARD, name: str = "rows.jsonl", raw: bytes | None = None) -> Pack:
        folder = tmp_path / "benchmarks" / "small"
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(tmp_path)
        (folder / "card.yaml").write_text(card, encoding="utf-8")
        lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in rows]
        content = raw if raw is not None else "".join(f"{line}\n" for line in lines).encode()
        (folder / name).write_bytes(content)
        seal(folder)
        return open_pack(folder)

    return build
