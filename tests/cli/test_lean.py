"""Checking needs little: what reads, judges, renders and recomputes an audit runs without the libraries of models."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from auditkit.registry import EVERYTHING

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LEAN, PINS = ROOT / "requirements-verify.txt", ROOT / "constraints.txt"
ABSENT = (
    "torch", "transformers", "captum", "datasets", "evaluate", "tokenizers", "httpx", "safetensors", "huggingface_hub",
    "accelerate", "peft", "gguf", "torchao", "ray",
)
"""What the lean installation leaves out; the commands below must not even try to import it."""

BLOCKED = """
import json, sys
blocked = json.loads(sys.argv[1])
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
"""
COMMAND = BLOCKED + "from auditkit.cli import _run\nsys.exit(_run(sys.argv[2:]))\n"
READING = BLOCKED + """
import auditkit
audit = auditkit.load_audit(sys.argv[2])
print(audit.verdict.status, len(audit.to_frame()), auditkit.verify(sys.argv[2]).estimates)
"""


def lean(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, json.dumps(ABSENT), *arguments], capture_output=True, text=True, cwd=cwd,
        timeout=300, env=dict(os.environ),
    )


def rows(path: Path, lines: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of built-in packs, and of one task for each library that a metric needs."""
    folder = tmp_path_factory.mktemp("lean")
    words = ["red", "green", "blue", "black"]
    tasks = [
        {"name": "moods", "task": "classification",
         "data": rows(folder / "moods.jsonl", [{"text": f"t {i}", "label": words[i % 4]} for i in range(40)])},
        {"name": "names", "task": "tagging", "data": rows(folder / "names.jsonl", [
            {"words": ["Ada", f"saw{i}", "Rome"], "tags": ["B-PER", "O", "B-LOC"]} for i in range(40)])},
        {"name": "verses", "task": "translation",
         "data": rows(folder / "verses.jsonl", [
            {"source": f"La rose {i} est rouge.", "target": f"The rose {i} is quite red."} for i in range(40)])},
        {"name": "news", "task": "summarisation", "data": rows(folder / "news.jsonl", [
            {"text": f"It rained on day {i}.", "summary": f"rain {i}"} for i in range(40)])},
    ]
    config = {
        "model": "planted:always-stereotyped", "packs": ["ambiguous-qa", "claims"], "tasks": tasks, "limit": 40,
        "out": str(folder / "reports" / "run"),
    }
    (folder / "audit.yaml").write_text(json.dumps(config), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "auditkit", "audit", "--config", "audit.yaml", "--quiet"], cwd=folder,
        capture_output=True, text=True, timeout=300,
    )
    assert (folder / "reports" / "run" / "audit.json").is_file(), ended.stderr
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "verify reports/run", "gate reports/run --policy default", "gate reports/run", "render reports/run", "show",
        "selftest reports/run", "export reports/run --predictions saved.jsonl", "list packs", "list metrics",
        "list rules", "list models", "list policies", "list plugins", "rule AK102", "schema audit", "schema config",
        "pack check claims", "data list", "init fresh", "doctor --json", "audit --help", "--version",
    ],
)
def test_a_command_runs_without_the_libraries_of_models(words: str, run: Path) -> None:
    arguments = words.split()
    if words == "show":
        arguments.append(min(json.loads((run / "reports/run/audit.json").read_text(encoding="utf-8"))["evidence"]))
    ended = lean(COMMAND, *arguments, cwd=run)
    assert ended.returncode in ((0, 1, 3, 4) if arguments[0] == "gate" else (0,)), ended.stderr
    assert "No module named" not in ended.stdout + ended.stderr
    assert ended.stdout


def test_an_audit_is_read_in_python_without_the_libraries_of_models(run: Path) -> None:
    ended = lean(READING, "reports/run", cwd=run)
    assert ended.returncode == 0, ended.stderr
    status, frame, estimates = ended.stdout.split()
    assert (int(frame), status) == (int(estimates), "inconclusive")


def test_a_command_that_needs_a_model_says_what_to_install(run: Path) -> None:
    for words in ("doctor --bench smollm2", "audit smollm2 --quiet"):
        ended = lean(COMMAND, *words.split(), cwd=run)
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert ended.stderr.endswith(f"{EVERYTHING}\n")


def pinned(path: Path) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines if line)}


def test_the_lean_requirements_are_pinned_as_everything_is() -> None:
    lean_pins, pins = pinned(LEAN), pinned(PINS)
    assert {name: pins.get(name) for name in lean_pins} == lean_pins
    assert not set(ABSENT) & {name.replace("-", "_") for name in lean_pins}


def test_the_lean_requirements_are_whole() -> None:
    """What each of them needs stands beside it, with its version."""
    lean_pins = pinned(LEAN)
    for name in lean_pins:
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in lean_pins, f"{name} needs {line}"


def test_the_lean_requirements_are_the_projects_own() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("dependencies = [") : text.index("]", text.index("dependencies = ["))]
    own = {canonicalize_name(name) for name in re.findall(r'"([A-Za-z][\w-]*)', block)}
    assert own - set(pinned(LEAN)) == own & set(ABSENT)
