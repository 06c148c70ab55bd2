"""A package of its own, built and installed as a user installs one, adds one of each kind of thing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

SOURCE = Path(__file__).parent / "example"
ADDED = {
    "exporter.example", "family.example", "metric.example_hits", "reader.example", "rule.EX101", "section.example",
    "task.example-shout",
}
CARD = {
    "name": "example-pack", "version": 1, "title": "Yes or no", "measures": "m", "limits": "l", "license": "Apache-2.0",
    "source": "written for the test", "citation": "none", "language": "en", "request": "choose", "rules": ["letter"],
    "templates": [{"text": "{question}\nA. {option_1}\nB. {option_2}", "prefix": "Answer:"}],
    "files": ["rows.txt"], "reader": "example", "clusters": ["template"],
    "metrics": [{"metric": "example_hits", "arm": "all"}], "rows": 0, "sha256": "",
}
CHECK = {"rule": "EX101", "benchmark": "example-pack", "metric": "example_hits", "arm": "all", "bound": 0.4}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel."""
    root = tmp_path_factory.mktemp("plugin")
    shutil.copytree(SOURCE, root / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    offline = ["--no-deps", "--no-index"]
    wheels = root / "wheels"
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(wheels), str(root / "source")]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = wheels.glob("auditkit_plugin_example-1.0-*.whl")
    subprocess.run([*pip, "install", *offline, "--target", str(root / "site"), str(wheel)], check=True, timeout=300)
    return root / "site"


@pytest.fixture
def auditkit(site: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command with the plugin on the path, and fails with what it said unless it exits as expected."""
    environment = {**os.environ, "PYTHONPATH": str(site), "AUDITKIT_CACHE": str(tmp_path / "cache")}

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "auditkit", *arguments], cwd=tmp_path, env=environment, capture_output=True,
            text=True, timeout=300, check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def material(tmp_path: Path, auditkit: Callable[..., subprocess.CompletedProcess[str]]) -> Path:
    """A pack, data of a task, a policy and an audit.yaml that use everything that the plugin adds."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "card.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    answers = ["yes", "yes", "yes", "no"] * 15
    (pack / "rows.txt").write_text("".join(f"Is {n} it?|{answer}\n" for n, answer in enumerate(answers)))
    auditkit("pack", "seal", str(pack))
    (tmp_path / "data.csv").write_text("text,loud\n" + "".join(f"word {n},WORD {n}\n" for n in range(40)))
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump({"name": "example", "checks": [CHECK]}))
    settings = {
        "model": "example:parrot", "packs": ["pack"], "policy": "policy.yaml", "out": "run",
        "tasks": [{"name": "loud", "task": "example-shout", "data": "data.csv"}],
    }
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


def test_each_is_listed_and_can_be_imported(auditkit: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    lines = auditkit("list", "plugins").stdout.splitlines()
    rows = {line.split()[0]: line for line in lines if "auditkit-plugin-example" in line}
    assert set(rows) == ADDED
    assert not [line for line in rows.values() if "BROKEN" in line]
    assert "example:NAME" in auditkit("list", "models").stdout
    assert "too-few-hits" in auditkit("rule", "EX101").stdout


def test_an_audit_uses_each_and_can_be_verified(
    material: Path, auditkit: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    auditkit("audit", "--config", "audit.yaml")
    audit = json.loads((material / "run" / "audit.json").read_text(encoding="utf-8"))
    assert audit["subject"]["kind"] == "example"
    values = {
        (estimate["id"]["benchmark"], estimate["id"]["metric"]): (estimate["value"], estimate["n"])
        for estimate in audit["estimates"] if estimate["id"]["arm"] == "all" and not estimate["id"].get("group")
    }
    assert values["example-pack", "example_hits"] == (0.75, 60)
    assert values["loud", "exact_match"] == (1.0, 40)
    (finding,) = audit["findings"]
    assert (finding["check"]["rule"], finding["status"]) == ("EX101", "pass")
    assert (material / "run" / "badge.txt").read_text() == f"{audit['verdict']['status']}\n"
    page = (material / "run" / "index.html").read_text(encoding="utf-8")
    assert f"This audit holds {len(audit['estimates'])} estimates." in page
    assert "Enough questions are answered as the rows say" in page
    auditkit("verify", "run")
    auditkit("gate", "run")


def test_a_rule_of_a_plugin_fails_a_gate(
    material: Path, auditkit: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    check = {**CHECK, "bound": 0.9}
    (material / "policy.yaml").write_text(yaml.safe_dump({"name": "example", "checks": [check]}))
    auditkit("audit", "--config", "audit.yaml", code=1)
    assert (material / "run" / "badge.txt").read_text() == "fail\n"
