"""What all tests share."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# Tests run beside each other: one thread a process, also in those that they start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

MIRROR = Path(os.environ.setdefault("AUDITKIT_MIRROR", str(Path(__file__).resolve().parents[2] / "shared" / "data")))
if not MIRROR.is_dir():
    del os.environ["AUDITKIT_MIRROR"]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of published data sets and predictions."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the published data at {MIRROR}; set AUDITKIT_MIRROR")
    return MIRROR


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Where the mirror is there, a test of published data that skips has failed."""
    report = yield
    if report.skipped and MIRROR.is_dir() and "mirror" in getattr(item, "fixturenames", ()):
        report.outcome, report.longrepr = "failed", f"skipped although {MIRROR} is there: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def api() -> ModuleType:
    """The module `api_server.py`: an endpoint on loopback, well or badly behaved."""
    pytest.importorskip("httpx", reason='the extra "api" is not installed: pip install "auditkit[api]"')
    spec = importlib.util.spec_from_file_location("auditkit_tests_api", Path(__file__).with_name("api_server.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toy(api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A running server; no key in the environment."""
    for name in ("OPENAI_API_KEY", "AUDITKIT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with api.serving(api.ToyServer()) as server:
        yield server
