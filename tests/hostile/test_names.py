"""Another project bears the name `auditkit` on the public index: nothing here tells anyone to install it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HINT = re.compile(
    r"""(?:pip3?|pipx|uv|uvx|poetry|pdm|conda|mamba)\b[^\n`;|&]*?(?:install|add|run)\b[^\n`;|&]*?"""
    r"""[ \t"'=]auditkit(?![-\w./])|["']auditkit\[""", re.IGNORECASE,
)
"""A command that installs the bare name, or a requirement of one of its extras."""
TEXTS = [
    path for folder in ("auditkit", "docs", "benchmarks", "reports/example", ".ci", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".j2", ".html", ".sh", ""}
    and "hostile" not in path.parts and path.name not in ("test_main.py", "test_readme.py")
] + [path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".txt", ".lock", ".cfg"}]


def test_no_text_tells_to_install_another_project() -> None:
    hits = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in TEXTS for match in HINT.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert len(TEXTS) > 300
    assert hits == []


@pytest.mark.parametrize(
    "text",
    ["pip install auditkit", 'pip install "auditkit[peft]"', "pip install -U auditkit", "pip3 install auditkit==1.0",
     "pipx install auditkit", "uv add auditkit", "uv pip install auditkit", "poetry add auditkit",
     "python -m pip install --user auditkit", "requires: 'auditkit[ray]>=1'", "pip install torch auditkit",
     "pipx run auditkit", "conda install auditkit"],
)
def test_such_a_hint_is_recognised(text: str) -> None:
    assert HINT.search(text)


@pytest.mark.parametrize(
    "text",
    ["pip install auditkit-rai", 'pip install "auditkit-rai[peft]"', 'pip install -c constraints.txt -e ".[peft]"',
     "pip install -e . && auditkit demo", "`pip install .`; auditkit audit", "pip install ./auditkit/dist"],
)
def test_other_commands_are_not(text: str) -> None:
    assert not HINT.search(text)


def install_foreign(folder: Path) -> None:
    """Install a distribution called `auditkit` into a folder, from a wheel made here: no index is asked."""
    wheel = folder / "auditkit-9.9-py3-none-any.whl"
    facts = "auditkit-9.9.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("auditkit_foreign.py", "")
        archive.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\nName: auditkit\nVersion: 9.9\n")
        archive.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{facts}/RECORD", "")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check",
         "--target", str(folder / "site"), str(wheel)], check=True, capture_output=True,
    )


@pytest.mark.parametrize("command", [["--help"], ["list", "packs"], ["verify", "nothing"]])
def test_where_both_are_installed_the_command_stops(command: list[str], tmp_path: Path) -> None:
    install_foreign(tmp_path)
    path = os.pathsep.join([str(tmp_path / "site"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "auditkit", *command], env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "another project" in line
    assert "pip uninstall auditkit auditkit-rai" in line
