"""SIGKILL at random instants of a real audit, a damaged journal, two audits at once: the audit ends the same.

`AUDITKIT_KILLS=50` kills at 50 random instants instead of a few.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditkit.store.journal import read_journal

from .conftest import facts

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("AUDITKIT_KILLS", "6"))
SETTINGS = ["--pack", "stereotype-pairs", "--pack", "claims", "--limit", "150", "--explain", "1"]
LIFE = """
import os, signal, sys
from auditkit.cli import main
point, left = sys.argv[1], int(sys.argv[2])
sys.argv[1:3] = []
original = getattr(os, point)
def killing(*given):
    global left
    left -= 1
    if left == 0:
        if point == "write":
            original(given[0], bytes(given[1])[: len(bytes(given[1])) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*given)
if left:
    setattr(os, point, killing)
main()
"""
"""The command line, killed at the LEFT-th call of os.POINT; a write is cut in half before."""


def start(*arguments: str, cache: Path, point: str = "write", left: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LIFE, point, str(left), *arguments, "--quiet"], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "AUDITKIT_CACHE": str(cache)},
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Standard error of a process that must end with a verdict."""
    _, error = process.communicate(timeout=120)
    assert process.returncode in (0, 1, 3), error
    return error


def audit(out: Path) -> list[str]:
    return ["audit", "planted:random", *SETTINGS, "--out", str(out)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbs; beside it, how long it took and how often it called each point."""
    folder = tmp_path_factory.mktemp("undisturbed")
    begun = time.monotonic()
    finish(start(*audit(folder / "run"), cache=folder))
    (folder / "seconds").write_text(str(time.monotonic() - begun), encoding="utf-8")
    return folder / "run"


@pytest.mark.parametrize("seed", range(KILLS))
def test_sigkill_at_a_random_instant(undisturbed: Path, tmp_path: Path, seed: int) -> None:
    """Every third at a random time, the others inside a write, before an fsync, or before a rename."""
    chance, out = random.Random(seed), tmp_path / "run"
    if seed % 3 == 0:
        process = start(*audit(out), cache=tmp_path)
        time.sleep(chance.uniform(0.1, float((undisturbed.parent / "seconds").read_text(encoding="utf-8"))))
        process.kill()
        process.communicate()
    else:
        point, most = chance.choice([("write", 12), ("fsync", 16), ("replace", 6)])
        process = start(*audit(out), cache=tmp_path, point=point, left=chance.randint(1, most))
        _, error = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, f"{point}: {error}"
    goes_on = (out / "journal.jsonl").exists() and (out / "journal.jsonl").read_bytes().count(b"\n") > 0
    finish(start(*(["resume", str(out)] if goes_on else audit(out)), cache=tmp_path))
    assert facts(out) == facts(undisturbed)
    assert (out / "samples.parquet").read_bytes() == (undisturbed / "samples.parquet").read_bytes()
    assert read_journal(out / "journal.jsonl").after_seal == 0
    assert sorted(os.listdir(out)) == sorted(os.listdir(undisturbed)), "nothing is left over"


def test_a_half_written_file_that_a_kill_left_is_removed(undisturbed: Path, tmp_path: Path) -> None:
    """Between the writing of samples.parquet under another name and its renaming."""
    out = tmp_path / "run"
    process = start(*audit(out), cache=tmp_path, point="replace", left=1)
    _, error = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, error
    assert [path.name[:17] for path in out.glob(".*")] == [".samples.parquet."]
    finish(start("resume", str(out), cache=tmp_path))
    assert facts(out) == facts(undisturbed)
    assert sorted(os.listdir(out)) == sorted(os.listdir(undisturbed))


@pytest.fixture
def finished(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "run"))


def unquiet(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditkit", *arguments], capture_output=True, text=True, timeout=120,
        env={**os.environ, "AUDITKIT_CACHE": str(cache)}, check=False,
    )


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_corrupt_record_is_named_skipped_and_asked_again(
    finished: Path, undisturbed: Path, tmp_path: Path, share: float
) -> None:
    path = finished / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")
    place = int(share * len(lines))
    assert b'"kind":"' in lines[place]
    lines[place] = lines[place].replace(b'"v":2', b'"v":7')
    path.write_bytes(b"\n".join(lines))
    found = unquiet("resume", str(finished), cache=tmp_path)
    assert f"journal.jsonl:{place + 1}: " in found.stderr
    assert "journal.broken" in found.stderr
    assert facts(finished) == facts(undisturbed)
    assert (finished / "journal.broken").read_bytes() == b"\n".join(lines[place:])
    assert unquiet("verify", str(finished), cache=tmp_path).returncode == 0


def test_a_truncated_last_line_is_cut_off_and_sealed_again(finished: Path, undisturbed: Path, tmp_path: Path) -> None:
    path = finished / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    found = unquiet("resume", str(finished), cache=tmp_path)
    assert "torn last line" in found.stderr
    assert facts(finished) == facts(undisturbed)
    assert unquiet("verify", str(finished), cache=tmp_path).returncode == 0


def test_another_configuration_exits_2_and_says_what_changed(finished: Path, tmp_path: Path) -> None:
    found = unquiet(*audit(finished), "--seed", "5", "--quiet", cache=tmp_path)
    assert found.returncode == 2
    assert "config.seed 0 -> 5" in found.stderr
    assert found.stderr.count("\n") == 1


def test_two_audits_in_one_folder_at_once(undisturbed: Path, tmp_path: Path) -> None:
    """One of them does it all; the other waits for nothing and says who is at it (or finds it done)."""
    out = tmp_path / "run"
    both = [start(*audit(out), cache=tmp_path) for _ in range(2)]
    told = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    assert set(codes) & {0, 1, 3}
    for code, error in zip(codes, told, strict=True):
        assert code in (0, 1, 3) or (code == 2 and "is writing to it" in error), error
    assert facts(out) == facts(undisturbed)


FULL = """
import resource, sys
from auditkit.cli import main
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
main()
"""
"""The command line, with a kernel that lets no file grow beyond so many bytes: as on a full disk."""


@pytest.mark.parametrize("share", [0.25, 0.6, 0.97])
def test_a_full_disk_is_one_clear_line_and_the_run_goes_on(undisturbed: Path, tmp_path: Path, share: float) -> None:
    """In the samples, among the answers, in the last batch."""
    out, most = tmp_path / "run", int(share * (undisturbed / "journal.jsonl").stat().st_size)
    full = subprocess.run(
        [sys.executable, "-c", FULL, str(most), *audit(out), "--quiet"], capture_output=True, text=True, timeout=120,
        env={**os.environ, "AUDITKIT_CACHE": str(tmp_path)}, check=False,
    )
    assert full.returncode == 4, full.stderr
    assert full.stderr.count("\n") == 1
    assert f"{out / 'journal.jsonl'}: the disk (or quota) is full; free space and give the same command again" in (
        full.stderr
    )
    assert (out / "journal.jsonl").stat().st_size <= most
    read_journal(out / "journal.jsonl", strict=False)
    finish(start(*audit(out), cache=tmp_path))
    assert facts(out) == facts(undisturbed)
    assert sorted(os.listdir(out)) == sorted(os.listdir(undisturbed)), "nothing is left over"
