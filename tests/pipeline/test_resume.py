"""Killed audits go on, and end as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import facts

pytestmark = pytest.mark.slow

FAILED = 1
"""A random answerer endorses half of the false claims."""
COMMAND = ["audit", "planted:random", "--pack", "stereotype-pairs", "--pack", "claims", "--limit", "600"]


def start(out: Path, tmp_path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "auditkit", *COMMAND, "--out", str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "AUDITKIT_CACHE": str(tmp_path)},
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder / "run", folder).wait(120) == FAILED
    return folder / "run"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_sigkill_and_resume_give_the_same_audit(undisturbed: Path, tmp_path: Path, share: float) -> None:
    out = tmp_path / "run"
    journal, size = out / "journal.jsonl", (undisturbed / "journal.jsonl").stat().st_size
    process = start(out, tmp_path)
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.stat().st_size >= share * size) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert start(out, tmp_path).wait(120) == FAILED
    assert facts(out) == facts(undisturbed)


def test_sigterm_exits_130_and_keeps_the_journal(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(out, tmp_path)
    deadline = time.monotonic() + 120
    journal = out / "journal.jsonl"
    while not (journal.exists() and journal.stat().st_size > 100_000) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    assert journal.stat().st_size > 0
    assert not (out / "audit.json").exists()
    assert start(out, tmp_path).wait(120) == FAILED
    assert (out / "audit.json").exists()
