"""Every target holds on a few inputs, always the same ones, and on all that ever failed; `run.py` looks for more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from .check import check
from .targets import TARGETS

CORPUS = Path(__file__).resolve().parent / "corpus"
EXAMPLES = {"yaml": 60, "card": 40, "rows": 60, "journal": 15, "reply": 15, "safetensors": 4, "model-files": 6,
            "template": 25}
"""About two seconds each."""
KEPT = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_a_result_or_an_error_in_one_line(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    for data in target.seeds():
        assert check(target, data, tmp_path), "a seed is refused"

    @settings(max_examples=EXAMPLES[name], derandomize=True, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(target.inputs())
    def attempt(data: bytes) -> None:
        check(target, data, tmp_path)

    attempt()


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_failed_once(path: Path, tmp_path: Path) -> None:
    check(TARGETS[path.parent.name], path.read_bytes(), tmp_path)
