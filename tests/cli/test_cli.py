"""The command line: light start, documented commands, exit codes, one-line errors, hostile text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from auditkit.cli.app import COMMANDS

HEAVY = ("torch", "pandas", "scipy", "datasets", "transformers", "captum", "fairlearn", "pyarrow", "pydantic", "numpy")
ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditkit", *arguments], capture_output=True, text=True, cwd=cwd, timeout=300,
        env={**os.environ, **env},
    )


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
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(json.loads(found.stdout.split("\n")[-2]))
    assert not loaded & set(HEAVY)


def test_every_command_has_help_and_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        found = run(name, "--help")
        assert found.returncode == 0, found.stderr
        assert "Usage: auditkit" in found.stdout
        assert f"auditkit {name}" in readme


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit"], "no model: name one"),
        (["audit", "planted:nobody"], 'no planted model is called "nobody"; there are: always-stereotyped'),
        (["audit", "planted:random", "--pack", "stereotype-pair"], "stereotype-pairs"),
        (["audit", "planted:random", "--policy", "absent.yaml"], 'no policy "absent.yaml"'),
        (["audit", "--config", "absent.yaml"], "absent.yaml: no such file"),
        (["audit", "planted:random", "--limit", "0"], "--limit"),
        (["audit", "planted:random", "--pack", "claims", "--pack", "claims"], "named twice"),
        (["nonsense"], "No such command 'nonsense'"),
        (["gate", "absent"], "absent"),
        (["rule", "AK999"], "no rule is called"),
        (["schema", "thing"], "thing"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    found = run(*arguments, cwd=tmp_path)
    last = found.stderr.strip().split("\n")[-1]
    assert message in last
    assert found.returncode == 2
    assert "Traceback" not in found.stderr


def test_an_unknown_error_is_4_and_never_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from auditkit import cli
    from auditkit.cli.app import app

    def broken(**_: object) -> None:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr(app, "main", broken)
    assert cli._run(["audit", "x"]) == 4
    assert "ZeroDivisionError: no reason" in capsys.readouterr().err


def test_init_writes_files_that_audit_reads(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    again = run("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    found = run(
        "audit", "planted:never-stereotyped", "--config", "audit.yaml", "--limit", "400", "--quiet", cwd=tmp_path
    )
    assert "my-policy" in found.stdout
    assert found.returncode in (0, 3), found.stdout + found.stderr
    short = run("audit", "planted:random", "--config", "audit.yaml", "--limit", "60", "--quiet", cwd=tmp_path)
    assert short.returncode == 2
    assert "could not fail even if" in short.stderr
    assert "raise --limit" in short.stderr


def test_audit_json_fits_the_published_schema(tmp_path: Path) -> None:
    found = run("audit", "planted:random", "--limit", "40", "--json", "--quiet", "--out", "run", cwd=tmp_path)
    assert found.returncode in (0, 1, 3), found.stderr
    audit = json.loads(found.stdout)
    schema = json.loads(run("schema", "audit").stdout)
    jsonschema.validate(audit, schema)
    gated = json.loads(run("gate", "run", "--json", cwd=tmp_path).stdout)
    assert gated["verdict"] == audit["verdict"]


def test_verify_show_render_and_selftest_of_a_run(tmp_path: Path) -> None:
    run("audit", "planted:always-stereotyped", "--limit", "40", "--quiet", "--out", "reports/run", cwd=tmp_path)
    verified = run("verify", "reports/run", cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr
    seal = verified.stdout.split("Seal:")[1].strip()
    assert run("verify", "reports/run", "--seal", seal, cwd=tmp_path).returncode == 0
    assert run("verify", "reports/run", "--seal", "0" * 64, cwd=tmp_path).returncode == 4
    assert run("render", "reports/run", cwd=tmp_path).stdout.strip().endswith("index.html")
    sample = json.loads((tmp_path / "reports/run/audit.json").read_text())["evidence"]
    name = sorted(sample)[0]
    shown = run("show", name, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert name in shown.stdout
    assert json.loads(run("show", name, "--json", cwd=tmp_path).stdout)["sample"]["id"] == name
    wrong = run("show", name[:-1] + "zz", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "nearest" in wrong.stderr
    assert run("selftest", "reports/run", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("what", ["packs", "metrics", "rules", "models", "policies", "plugins"])
def test_list(what: str) -> None:
    found = run("list", what, "--json")
    rows = json.loads(found.stdout)
    assert rows
    assert all(row["name"] for row in rows)
    assert rows[0]["name"] in run("list", what).stdout


def test_doctor_reports_versions_and_features() -> None:
    found = json.loads(run("doctor", "--json").stdout)
    assert found["versions"]["python"].startswith("3.")
    assert set(found) == {"versions", "device", "features", "plugins", "cache"}


def test_pack_check_and_seal(tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(ROOT / "benchmarks" / "claims", tmp_path / "claims"))
    assert run("pack", "check", str(folder)).returncode == 0
    rows = (folder / "rows.jsonl").read_text(encoding="utf-8").split("\n")
    (folder / "rows.jsonl").write_text("\n".join(rows[2:]), encoding="utf-8")
    broken = run("pack", "check", str(folder))
    assert broken.returncode == 2
    assert "auditkit pack seal" in broken.stderr
    assert run("pack", "seal", str(folder)).returncode == 0
    assert run("pack", "check", str(folder)).returncode == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b'"target": "true"', b'"tarjet": "true"'), r'rows.jsonl:'),
        ((b'{"id"', b'{id'), "rows.jsonl:1"),
        ((b'"arm": "', b'"arm": 3, "x": "'), "rows.jsonl:1"),
    ],
)
def test_a_malformed_row_stops_the_audit_before_it_starts(
    tmp_path: Path, change: tuple[bytes, bytes], message: str
) -> None:
    import shutil

    folder = Path(shutil.copytree(ROOT / "benchmarks" / "claims", tmp_path / "claims"))
    data = (folder / "rows.jsonl").read_bytes()
    assert change[0] in data
    (folder / "rows.jsonl").write_bytes(data.replace(*change, 1))
    run("pack", "seal", str(folder))
    found = run("audit", "planted:random", "--pack", str(folder), "--out", "run", "--quiet", cwd=tmp_path)
    assert found.returncode == 2
    assert message in found.stderr
    assert not (tmp_path / "run").exists()


def test_offline_blocks_sockets() -> None:
    code = (
        "import socket\nfrom auditkit.pipeline.around.offline import prepare\nprepare(offline=True)\n"
        "from auditkit.errors import UsageError\n"
        "connect = lambda: socket.create_connection(('127.0.0.1', 9))\n"
        "resolve = lambda: socket.getaddrinfo('example.org', 80)\n"
        "for act in (connect, resolve):\n"
        "    try:\n        act()\n    except UsageError as error:\n        print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.count("offline: refused") == 2
