"""The door of the command line: light start, documented commands, exit codes, one line for every error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from auditkit import cli
from auditkit.cli.app import COMMANDS, app
from auditkit.errors import AuditkitError, ConfigError, ModelError, PackError, RunFolderError, UsageError
from auditkit.registry import DISTRIBUTION, FOREIGN

from .conftest import Ended

HEAVY = ("torch", "pandas", "scipy", "datasets", "transformers", "captum", "fairlearn", "pyarrow", "pydantic", "numpy")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "code",
    [
        "import auditkit",
        "from auditkit.cli import _run; _run(['--help'])",
        "from auditkit.cli import _run; _run(['--version'])",
    ],
)
def test_nothing_heavy_is_imported_to_start(code: str) -> None:
    script = f"{code}\nimport sys, json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ended.stdout.split("\n")[-2]))
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_documentation(name: str, run: Callable[..., Ended]) -> None:
    ended = run(name, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: auditkit {name}")
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert any(f"auditkit {name}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize(
    ("arguments", "kind", "named"),
    [
        (["audit"], ConfigError, "predictions:FILE"),
        (["audit", "planted:nobody"], ModelError, '"nobody"'),
        (["audit", "planted:random", "--pack", "stereotype-pair"], PackError, '"stereotype-pairs"'),
        (["audit", "planted:random", "--policy", "absent.yaml"], ConfigError, '"absent.yaml"'),
        (["audit", "--config", "absent.yaml"], ConfigError, "absent.yaml: "),
        (["audit", "planted:random", "--limit", "0"], click.BadParameter, "--limit"),
        (["audit", "planted:random", "--pack", "claims", "--pack", "claims"], ConfigError, "claims"),
        (["nonsense"], click.UsageError, "'nonsense'"),
        (["gate", "absent"], RunFolderError, "absent"),
        (["rule", "AK999"], UsageError, '"AK999"'),
        (["schema", "thing"], click.BadParameter, "'thing'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], kind: type[Exception], named: str, run: Callable[..., Ended]
) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    lines = ended.err.strip().split("\n")
    assert named in lines[-1]
    assert lines[-1].startswith("auditkit: ")
    debugged = run("--debug", *arguments)
    assert debugged.code == 2
    assert "Traceback (most recent call last)" in debugged.err
    assert kind.__name__ in debugged.err or kind is click.UsageError  # click raises a kind of it


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZeroDivisionError("why"), 4), (KeyboardInterrupt(), 130), (click.Abort(), 130), (BrokenPipeError(), 4),
        (UsageError("why"), 2), (AuditkitError("why"), 4), (click.UsageError("why"), 2), (click.exceptions.Exit(3), 3),
    ],
)
def test_no_error_is_1_which_would_read_as_a_failed_gate(
    error: BaseException, code: int, run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise error

    monkeypatch.setattr(app, "main", broken)
    ended = run("audit", "x")
    assert ended.code == code
    assert ended.err.count("\n") <= 1
    assert ("why" in ended.err) == ("why" in str(getattr(error, "args", "")) or "why" in getattr(error, "message", ""))


def test_the_module_is_the_command() -> None:
    ended = subprocess.run([sys.executable, "-m", "auditkit", "schema", "x"], capture_output=True, env=dict(os.environ))
    assert ended.returncode == 2


def test_windows_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.sys, "platform", "win32")
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "Linux" in text


@pytest.mark.parametrize("module", ["fcntl", "resource"])
@pytest.mark.parametrize("command", ["audit planted:random", "render nowhere", "verify nowhere"])
def test_a_system_without_unix_modules_is_named_in_one_line(module: str, command: str) -> None:
    script = f"import sys; sys.modules['{module}'] = None; from auditkit.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script, *command.split()], capture_output=True, text=True, check=False, timeout=60,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    needed = module == "fcntl" or command.startswith("audit")
    assert (f"no module {module} on this system: auditkit runs on Linux and macOS" in ended.stderr) == needed


def test_another_projects_distribution_of_the_same_name_stops_the_command(tmp_path: Path) -> None:
    folder = tmp_path / f"{FOREIGN}-2.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {FOREIGN}\nVersion: 2.1\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "auditkit", "--help"]
    alone = subprocess.run(command, capture_output=True, text=True)
    assert alone.returncode == 0, alone.stderr
    beside = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert beside.returncode == 2
    assert beside.stdout == ""
    assert beside.stderr.count("\n") == 1
    assert f"pip uninstall {FOREIGN} {DISTRIBUTION}" in beside.stderr


def test_nothing_tells_anyone_to_install_the_other_project() -> None:
    """A hint names the checkout, or the distribution's own name."""
    wrong = re.compile(r'pip install( +[^\s&|;`]+)*? +"?auditkit(?![-\w/])')
    assert all(map(wrong.search, ("pip install auditkit", 'pip install -U "auditkit[ray]"')))
    assert not any(map(wrong.search, ("pip install auditkit-rai", 'pip install -e ".[demo]" && auditkit demo')))
    files = [path for folder in ("auditkit", "docs", "benchmarks") for path in (ROOT / folder).rglob("*.*")]
    for path in [*files, *ROOT.glob("*.md"), *ROOT.glob("*.txt")]:
        if path.suffix in (".py", ".md", ".txt", ".yaml", ".html"):
            assert not wrong.search(path.read_text(encoding="utf-8")), path
