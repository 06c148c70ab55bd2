"""A full disk under the answer cache: one clear line that names the place, and the run goes on.

In a child process the kernel lets no file grow beyond so many bytes while one function runs, as on a full disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditkit.store.journal import read_journal

ROOT = Path(__file__).resolve().parents[2]
ROUND = """
import importlib, importlib.util, resource, sys
from pathlib import Path
from auditkit.errors import AuditkitError

path, where, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
spec = importlib.util.spec_from_file_location("fake", path)
fake = sys.modules["fake"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fake)

def limited(*given):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        return original(*given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

if most:
    module, kind, name = where.split(":")
    owner = getattr(importlib.import_module(module), kind)
    original = getattr(owner, name)
    setattr(owner, name, limited)
asked = fake.deduplicate((f"pack/{n}", fake.choose(f"{n}")) for n in range(300))
events, adapter = [], fake.FakeAdapter()
try:
    with (
        fake.Journal.open(Path("run/journal.jsonl"), fake.HEADER) as journal,
        fake.AnswerCache.open(Path("cache/answers.sqlite"), on_event=events.append) as cache,
    ):
        found = fake.run_round(adapter, asked.requests, asked.askers, journal, cache, batch_tokens=60)
        assert len(found.outputs) == found.requests == 300
        assert found.errored == 0
        print(sum(map(len, adapter.batches)), "asked,", found.cache_hits, "from the cache")
except AuditkitError as error:
    print(error)
    sys.exit(error.exit_code)
finally:
    print(*(event.message + "\\n" for event in events), sep="", end="")
"""


def audit(folder: Path, where: str = "", most: int = 0) -> tuple[int, list[str]]:
    """Exit code and lines of a round of 300 requests; `most` bytes a file while the function WHERE runs."""
    fake = Path(__file__).with_name("fake.py")
    child = subprocess.run(
        [sys.executable, "-c", ROUND, str(fake), where, str(most)], capture_output=True, text=True, timeout=120,
        check=False, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stderr == ""
    return child.returncode, child.stdout.splitlines()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a round that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert audit(folder) == (0, ["300 asked, 0 from the cache"])
    return folder


def test_a_cache_that_cannot_grow_is_told_once_and_costs_nothing(undisturbed: Path, tmp_path: Path) -> None:
    code, lines = audit(tmp_path, "auditkit.store.cache:AnswerCache:put_many", 60_000)
    assert (code, lines[0]) == (0, "300 asked, 0 from the cache")
    assert len(lines) == 2
    assert lines[1].startswith("answer cache cache/answers.sqlite: ")
    assert lines[1].endswith("; this run goes on without it")
    found, whole = (read_journal(folder / "run" / "journal.jsonl") for folder in (tmp_path, undisturbed))
    assert dict(found.outputs) == dict(whole.outputs)
    (tmp_path / "run" / "journal.jsonl").unlink()
    code, lines = audit(tmp_path)
    assert (code, len(lines)) == (0, 1)
    asked, hits = (int(word) for word in lines[0].split() if word.isdigit())
    assert asked + hits == 300
    assert 0 < hits < 300, "what it took before it was full is served"
