"""The journal when the disk is full, the process is killed, or another one writes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auditkit.errors import MeasurementError, RunFolderError
from auditkit.schema.journal import RequestEntry
from auditkit.store.journal import Journal, read_journal

ROOT = Path(__file__).resolve().parents[2]


def test_full_disk_takes_the_torn_line_back(path, make_request, monkeypatch, header):
    entries = [RequestEntry(request=make_request(n), samples=()) for n in range(20)]
    write = os.write
    with Journal.open(path, header) as journal:
        before = path.read_bytes()

        def half(descriptor, data):
            if len(data) > 100:
                return write(descriptor, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

        def full(descriptor, data):
            monkeypatch.setattr(os, "write", half_then_full)
            return write(descriptor, data[:100])

        def half_then_full(descriptor, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        for failing in (full, half_then_full, half):
            monkeypatch.setattr(os, "write", failing)
            if failing is half:
                monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
            with pytest.raises(MeasurementError, match=r"journal\.jsonl: (the disk .* is full|cannot be written)"):
                journal.append(entries)
            assert path.read_bytes() == before
        monkeypatch.undo()
        journal.append(entries)
    assert len(read_journal(path).requests) == 20


@pytest.mark.parametrize("when", ["write", "fsync"])
def test_an_interrupt_inside_a_write_leaves_whole_lines(path, make_request, monkeypatch, header, when):
    original = getattr(os, when)

    def interrupted(*args):
        original(*args)
        raise KeyboardInterrupt

    with Journal.open(path, header) as journal:
        monkeypatch.setattr(os, when, interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append([RequestEntry(request=make_request(0), samples=("a",))])
        monkeypatch.undo()
        journal.append([RequestEntry(request=make_request(0), samples=("a",))])
    assert read_journal(path).lines == 2


def test_file_size_limit_in_a_child(path, header):
    """A real kernel limit: the child's error is clear, the journal is whole, a second run finishes."""
    script = f"""
import pathlib, resource, sys
from auditkit.errors import AuditkitError
from auditkit.schema.journal import Header
from auditkit.store.journal import Journal
header = Header.model_validate_json({header.model_dump_json()!r})
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with Journal.open(pathlib.Path({str(path)!r}), header) as journal:
        while journal.records.lines < 60:
            journal.not_explained(f"pack/row-{{journal.records.lines}}", "x" * 80)
except AuditkitError as error:
    print(error)
    sys.exit(error.exit_code)
"""
    first = run_child(script, "3000")
    assert first.returncode == 4, first.stderr
    assert "is full" in first.stdout
    assert 1 < read_journal(path).lines < 60
    assert run_child(script, "0").returncode == 0
    assert read_journal(path).lines == 60


def run_child(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=child_env(), timeout=60,
        check=False,
    )


def child_env():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_two_writers(path, header):
    script = (
        "import sys, pathlib\nfrom auditkit.store.journal import Journal\n"
        "from auditkit.errors import RunFolderError\nfrom auditkit.schema.journal import Header\n"
        f"header = Header.model_validate_json({header.model_dump_json()!r})\n"
        f"try:\n    Journal.open(pathlib.Path({str(path)!r}), header)\n"
        "except RunFolderError as error:\n    print(error)\n    sys.exit(error.exit_code)\n"
    )
    with Journal.open(path, header):
        second = run_child(script)
        assert second.returncode == 2, second.stderr
        assert f"process {os.getpid()} (since 20" in second.stdout
        assert "--out" in second.stdout
        with pytest.raises(RunFolderError, match="is writing to it"):
            Journal.open(path, header)
        read_journal(path)
    assert run_child(script).returncode == 0


def test_killed_writer_leaves_a_journal_that_goes_on(path, header):
    """SIGKILL from outside, at whatever point: whole lines survive, a torn one is cut, the lock is free."""
    script = (
        "import pathlib\nfrom auditkit.store.journal import Journal\nfrom auditkit.schema.journal import Header\n"
        f"header = Header.model_validate_json({header.model_dump_json()!r})\n"
        f"journal = Journal.open(pathlib.Path({str(path)!r}), header)\n"
        "print('open', flush=True)\n"
        "for n in range(10**9):\n"
        "    journal.not_explained(str(n), 'x' * (n % 999))\n"
        "    print(n, flush=True)\n"
    )
    for stop in (0, 7, 31):
        child = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=child_env()
        )
        assert child.stdout is not None
        told = -1
        for line in child.stdout:
            told = int(line) if line.strip().isdigit() else told
            if told >= stop:
                break
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with Journal.open(path, header) as journal:
            assert len(journal.records.not_explained) > told, "what was told as written is there"
            assert not journal.recovered
        read_journal(path)


def test_folder_that_cannot_be_made(tmp_path, header):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot be opened"):
        Journal.open(tmp_path / "file" / "journal.jsonl", header)
