"""Commands on a real run: each prints what it promises, and its exit code says how it ended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from auditkit.pipeline.inventory import KINDS
from auditkit.registry import FEATURES

from .conftest import Ended

ROOT = Path(__file__).parents[2]
Run = Callable[..., Ended]


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """A copy of a built-in pack."""
    return Path(shutil.copytree(ROOT / "benchmarks" / "claims", tmp_path / "claims"))


@pytest.mark.slow
def test_init_writes_files_that_audit_reads(run: Run) -> None:
    assert run("init").code == 0
    again = run("init")
    assert again.code == 2
    assert "--force" in again.err
    ended = run("audit", "planted:never-stereotyped", "--config", "audit.yaml", "--limit", "400", "--quiet")
    assert "my-policy" in ended.out
    assert ended.code in (0, 3), ended.err
    short = run("audit", "planted:never-stereotyped", "--config", "audit.yaml", "--limit", "60")
    assert short.code == 3, "too few rows stay undecided"
    assert "cannot pass at this size" in short.err


@pytest.mark.slow
def test_audit_json_fits_the_published_schema(run: Run) -> None:
    ended = run("audit", "planted:random", "--limit", "40", "--json", "--quiet", "--out", "run")
    assert ended.code in (0, 1, 3), ended.err
    audit = json.loads(ended.out)
    jsonschema.validate(audit, json.loads(run("schema", "audit").out))
    assert json.loads(run("gate", "run", "--json").out)["verdict"] == audit["verdict"]


@pytest.mark.slow
def test_verify_show_render_and_selftest_of_a_run(run: Run) -> None:
    run("audit", "planted:always-stereotyped", "--limit", "40", "--quiet", "--out", "reports/run")
    verified = run("verify", "reports/run")
    assert verified.code == 0, verified.err
    seal = verified.out.split("Seal:")[1].split()[0]
    assert json.loads(run("verify", "reports/run", "--json").out)["seal"] == seal
    assert run("verify", "reports/run", "--seal", seal).code == 0
    assert run("verify", "reports/run", "--seal", "0" * 64).code == 4
    assert run("render", "reports/run").out.strip().endswith("index.html")
    name = min(json.loads(Path("reports/run/audit.json").read_text(encoding="utf-8"))["evidence"])
    assert name in run("show", name).out
    assert json.loads(run("show", name, "--json").out)["sample"]["id"] == name
    wrong = run("show", name[:-1] + "zz")
    assert wrong.code == 2
    assert name.partition("/")[0] in wrong.err
    readings = run("selftest", "reports/run")
    assert readings.code == 0
    assert {line.partition(" ")[0] for line in readings.out.splitlines()} == {"ok"}


@pytest.mark.parametrize("what", KINDS)
def test_list(what: str, run: Run) -> None:
    rows = json.loads(run("list", what, "--json").out)
    assert rows
    assert all(row["name"] for row in rows)
    assert rows[0]["name"] in run("list", what).out


def test_doctor_reports_versions_and_features(run: Run) -> None:
    report = json.loads(run("doctor", "--json").out)
    assert report["versions"]["python"].startswith("3.")
    assert set(report) == {"versions", "device", "families", "features", "plugins", "cache"}
    assert set(report["features"]) == {feature.title for feature in FEATURES.values()}


def test_pack_check_and_seal(run: Run, claims: Path) -> None:
    assert run("pack", "check", str(claims)).code == 0
    rows = (claims / "rows.jsonl").read_text(encoding="utf-8").split("\n")
    (claims / "rows.jsonl").write_text("\n".join(rows[2:]), encoding="utf-8")
    broken = run("pack", "check", str(claims))
    assert broken.code == 2
    assert "auditkit pack seal" in broken.err
    assert run("pack", "seal", str(claims)).code == 0
    assert run("pack", "check", str(claims)).code == 0


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ((b'"target": "true"', b'"tarjet": "true"'), "rows.jsonl:"),
        ((b'{"id"', b"{id"), "rows.jsonl:1"),
        ((b'"arm": "', b'"arm": 3, "x": "'), "rows.jsonl:1"),
    ],
)
def test_a_malformed_row_stops_the_audit_before_it_starts(
    run: Run, claims: Path, change: tuple[bytes, bytes], place: str
) -> None:
    data = (claims / "rows.jsonl").read_bytes()
    assert change[0] in data
    (claims / "rows.jsonl").write_bytes(data.replace(*change, 1))
    run("pack", "seal", str(claims))
    ended = run("audit", "planted:random", "--pack", str(claims), "--out", "run", "--quiet")
    assert ended.code == 2
    assert place in ended.err
    assert not Path("run").exists()
