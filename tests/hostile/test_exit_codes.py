"""1 means only a failed check, and 0 only what the table of exit codes gives it, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from auditkit import cli, registry
from auditkit.cli import _run
from auditkit.errors import RegistryError
from auditkit.store.folder import load_audit

START = "import sys\nfrom auditkit.cli import main\nfrom auditkit.cli.app import app\n"


def ended(body: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command of its own process whose work is `body`, indented by four spaces."""
    script = f"{START}def work(**_):\n{body}\napp.main = work\nsys.argv[1:] = {list(arguments)!r}\nmain()\n"
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([sys.executable, "-c", script], text=True, timeout=60, check=False, **options)


ENDS = {
    "sys.exit(0)": ("    sys.exit(0)", 4), "sys.exit()": ("    sys.exit()", 4), "sys.exit(1)": ("    sys.exit(1)", 4),
    "sys.exit text": ("    sys.exit('all is well')", 4), "os._exit(0)": ("    import os; os._exit(0)", 4),
    "os._exit(1)": ("    import os; os._exit(1)", 4), "quit": ("    raise SystemExit(False)", 4),
    "an error": ("    1 / 0", 4), "memory": ("    raise MemoryError", 4), "recursion": ("    work()", 4),
    "generator": ("    raise GeneratorExit", 4), "an odd exception": ("    raise BaseException('x')", 4),
    "interrupt": ("    raise KeyboardInterrupt", 130), "nothing": ("    return None", 4),
    "text": ("    return 'ok'", 4), "true": ("    return 256", 4), "pass": ("    return 0", 0),
    "fail": ("    return 1", 1),
    "an interrupt in a thread": (
        "    from concurrent.futures import ThreadPoolExecutor\n"
        "    def stop(): raise KeyboardInterrupt\n"
        "    ThreadPoolExecutor().submit(stop).result()", 130),
    "an exit in a thread": (
        "    import threading\n    thread = threading.Thread(target=sys.exit, args=(0,))\n"
        "    thread.start(); thread.join()\n    return 3", 3),
    "at exit": ("    import atexit, os; atexit.register(os._exit, 0)\n    return 1", 1),
    "a swallowed signal": (
        "    import os, signal\n    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        import time; time.sleep(5)\n"
        "    except BaseException: pass\n    return 0", 130),
    "a signal turned into an error": (
        "    import os, signal, time\n    try:\n        os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)\n"
        "    except BaseException: raise ValueError('rendering failed')", 130),
    "two signals": (
        "    import os, signal, time\n    try:\n        os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "    finally:\n        os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", 130),
}


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_how_a_command_may_end(debug: tuple[str, ...]) -> None:
    """All of them at once: starting a process takes longest."""
    started = {
        name: subprocess.Popen(
            [sys.executable, "-c",
             f"{START}def work(**_):\n{body}\napp.main = work\nsys.argv[1:] = {list(debug)!r}\nmain()\n"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) for name, (body, _) in ENDS.items()
    }
    codes = {}
    for name, process in started.items():
        process.communicate(timeout=60)
        codes[name] = process.returncode
    assert codes == {name: code for name, (_, code) in ENDS.items()}


PRINT = "    import click\n    click.echo('x' * 100_000)\n    click.echo('y', err=True)\n    return {code}"


@pytest.mark.parametrize(("code", "expected"), [(0, 4), (1, 1), (2, 2), (3, 4), (130, 130)])
def test_a_full_standard_output_passes_nothing_and_fails_nothing(code: int, expected: int) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        assert ended(PRINT.format(code=code), stdout=full).returncode == expected


@pytest.mark.parametrize("code", [0, 1, 3])
@pytest.mark.parametrize("broken", ["full stderr", "closed pipe", "closed stdout", "closed stderr", "both pipes"])
def test_who_does_not_read_changes_no_verdict(code: int, broken: str) -> None:
    if broken == "full stderr":
        with open("/dev/full", "w", encoding="utf-8") as full:
            assert ended(PRINT.format(code=code), stderr=full).returncode == code
        return
    if broken.startswith("closed std"):
        name = broken.split()[1]
        script = f"{START}def work(**_):\n{PRINT.format(code=code)}\napp.main = work\nmain()\n"
        number = 1 if name == "stdout" else 2
        process = subprocess.run(["sh", "-c", f'"$0" -c "$1" {number}>&-', sys.executable, script], timeout=60,
                                 check=False, capture_output=True)
        assert process.returncode == code
        return
    read, write = os.pipe()
    os.close(read)
    try:
        streams = {"stdout": write} | ({"stderr": write} if broken == "both pipes" else {})
        assert ended(PRINT.format(code=code), **streams).returncode == code
    finally:
        os.close(write)


def test_a_signal_while_rendering_is_130(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditkit.pipeline.steps import pages

    def stopped(*_: Any) -> NoReturn:
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(5)
        raise AssertionError("the signal did not arrive")

    before = signal.signal(signal.SIGTERM, cli._interrupt)
    monkeypatch.setattr(cli, "_received", [])
    monkeypatch.setattr(pages, "_export", stopped)
    try:
        assert _run(["render", str(run)]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert load_audit(run)


def leave(*_: Any, **__: Any) -> NoReturn:
    """What a hostile plugin does in the place of work."""
    raise SystemExit(0)


class Leaving:
    """An entry point whose import ends the process."""

    value = "evil:thing"
    dist = None
    load = leave


def test_a_plugin_that_leaves_at_import_is_a_broken_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {**registry._entries(), ("metric", "evil"): (Leaving(),)}
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    with pytest.raises(RegistryError, match="cannot be imported: SystemExit"):
        registry.get("metric", "evil")


@pytest.mark.parametrize("place", [
    "auditkit.pipeline.steps.assemble.measure", "auditkit.pipeline.steps.judgement.decide",
    "auditkit.pipeline.audit.load_packs", "auditkit.pipeline.audit.make_requests",
    "auditkit.pipeline.audit.explain_cited",
])
def test_a_plugin_that_leaves_while_it_works_does_not_pass(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, _, name = place.rpartition(".")
    __import__(module)
    monkeypatch.setattr(sys.modules[module], name, leave)
    out = str(tmp_path / "run")
    assert _run(["audit", "planted:random", "--pack", "claims", "--limit", "20", "--out", out, "--quiet"]) == 4
    assert "ended the command" in capsys.readouterr().err


def test_an_exporter_that_leaves_is_left_out(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from auditkit.pipeline.steps import pages
    from auditkit.registry import Plugin
    from auditkit.render.write.exporter import Exporter

    load_all: Callable[..., Any] = pages.registry.load_all

    def with_evil(kind: str, of: type) -> Any:
        loaded, broken = load_all(kind, of)
        evil = (Plugin("exporter", "evil", "evil:x", "evil"), Exporter("evil.txt", leave))
        return (*loaded, *([evil] if kind == "exporter" else [])), broken

    monkeypatch.setattr(pages.registry, "load_all", with_evil)
    assert _run(["render", str(run)]) == 0
    assert 'the exporter "evil" failed: SystemExit' in capsys.readouterr().err
