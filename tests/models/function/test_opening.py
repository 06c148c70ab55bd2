"""A function is found by its name, fingerprinted by its source and declared files, and run only where it is named."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.cli import _run
from auditkit.errors import ModelError, RunFolderError
from auditkit.models.function.opening import open_function
from auditkit.pipeline.resume import resume
from auditkit.schema import Config
from auditkit.schema.event import ignore

SOURCE = '''
CALLS = []

def predict(texts):
    print("loading")
    CALLS.append(len(texts))
    return ["good" if "fine" in text else "bad" for text in texts]

def shares(texts):
    return [[0.1, 0.9] if "fine" in text else [0.8, 0.2] for text in texts]
shares.classes = ["bad", "good"]
shares.files = ["weights.bin"]

def others(texts):
    return texts
others.classes = ["up", "down"]

def breaks(texts):
    if any("number 7" in text for text in texts):
        raise ValueError("seven")
    return ["good"] * len(texts)

class Model:
    classes_ = ["bad", "good"]
    def predict_proba(self, texts):
        return shares(texts)
model = Model()
wrong = 3
'''
TASK = {"name": "own", "task": "classification", "data": "own.csv"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("own_model", None)
    Path("own_model.py").write_text(SOURCE, encoding="utf-8")
    Path("weights.bin").write_bytes(b"1")
    rows = "".join(f"number {i} is {('fine', 'poor')[i % 3 == 0]},{('good', 'bad')[i % 3 == 0]}\n" for i in range(60))
    Path("own.csv").write_text("text,label\n" + rows, encoding="utf-8")
    return tmp_path


def opened(name: str) -> Any:
    return open_function(Config(model=f"python:{name}"), ignore)


def audited(name: str | Any, **settings: Any) -> auditkit.Audit:
    options = {"tasks": [TASK], "policy": "none", "explain": {"samples": 0}, "out": "run", **settings}
    return auditkit.audit(name if callable(name) else f"python:{name}", **options)


def values(audit: auditkit.Audit) -> dict[str, float | None]:
    return {estimate.id.metric: estimate.value for estimate in audit.estimates}


@pytest.mark.parametrize("name", ["own_model:predict", "own_model:shares", "own_model:model", "own_model:Model().x"])
def test_labels_and_probabilities_are_scored(name: str, folder: Path) -> None:
    if name.endswith("x"):
        with pytest.raises(ModelError, match="has no"):
            opened(name)
        return
    audit = audited(name)
    assert values(audit)["accuracy"] == 1.0
    assert (values(audit)["brier_score"] is None) == (name == "own_model:predict"), "labels are no probabilities"
    assert audit.subject.kind == "function"
    assert "weaker than a hash of weights" in audit.subject.parts["fingerprint"]


def test_what_it_prints_is_not_the_audit_s(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audited("own_model:predict")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "loading\n")


def test_the_fingerprint_is_that_of_source_and_files(folder: Path) -> None:
    prints = {name: opened(name).subject.fingerprint for name in ("own_model:predict", "own_model:shares")}
    Path("weights.bin").write_bytes(b"2")
    assert opened("own_model:shares").subject.fingerprint != prints["own_model:shares"]
    assert opened("own_model:predict").subject.fingerprint == prints["own_model:predict"]
    Path("own_model.py").write_text(SOURCE + "# changed\n", encoding="utf-8")
    assert opened("own_model:predict").subject.fingerprint != prints["own_model:predict"]
    Path("weights.bin").unlink()
    with pytest.raises(ModelError, match=r'the file "weights.bin" that it declares is not there'):
        opened("own_model:shares")


@pytest.mark.parametrize(("name", "fault"), [
    ("own_model", "write python:PACKAGE.MODULE:FUNCTION"), ("own_model:", "write python:"),
    ("no_such_module:f", "cannot be imported .* working directory"),
    ("own_model:predct", 'has no "predct"; it has: pred'),
    ("own_model:wrong", "is int, which cannot be called"),
])
def test_a_name_that_leads_nowhere_is_one_line(name: str, fault: str, folder: Path) -> None:
    with pytest.raises(ModelError, match=fault):
        opened(name)


def test_an_exception_is_of_the_text_that_raises_it(folder: Path) -> None:
    audit = audited("own_model:breaks")
    assert [error for error in audit.errors.values() if "seven" in error]
    assert len(audit.errors) == 1


def test_declared_classes_that_the_data_do_not_have_are_named(folder: Path) -> None:
    assert "declares the classes up, down, and not bad, good" in audited("own_model:others").not_applicable["own"]


def test_answers_are_cached_within_the_run_alone(folder: Path) -> None:
    audited("own_model:predict")
    calls = sys.modules["own_model"].CALLS
    before = sum(calls)
    audited("own_model:predict")
    assert sum(calls) == before == 60
    audited("own_model:predict", out="other")
    assert sum(calls) == 120


def test_a_run_folder_runs_no_function(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("auditkit.pipeline.audit.run_requests", interrupt)
    with pytest.raises(KeyboardInterrupt):
        audited("own_model:predict")
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    sys.modules.pop("own_model")
    with pytest.raises(RunFolderError, match=r"would run .*add: --model python:own_model:predict"):
        resume("run")
    assert "own_model" not in sys.modules
    assert resume("run", model="python:own_model:predict").audit.errored == 0


def test_a_function_may_be_given_as_it_is(folder: Path) -> None:
    def good(texts: list[str]) -> list[str]:
        return ["good" for _ in texts]

    audit = audited(good)
    assert audit.subject.name.startswith("python:")
    assert values(audit)["accuracy"] == pytest.approx(2 / 3)


def test_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["audit", "python:own_model:shares", "--task", "classification", "--data", "own.csv", "--quiet",
               "--explain", "0"]
    assert _run([*command, "--policy", "none"]) == 0
    assert "its fingerprint is that of its source" in capsys.readouterr().out
