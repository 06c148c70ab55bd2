"""What all tests share."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from auditkit.registry import missing

# Tests run beside each other: one thread a process, also in those that they start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Where this variable is set, a run folder that holds answers is refused: only the tests of that set it.
os.environ.pop("CI", None)

MIRROR = Path(os.environ.setdefault("AUDITKIT_MIRROR", str(Path(__file__).resolve().parents[2] / "shared" / "data")))
if not MIRROR.is_dir():
    del os.environ["AUDITKIT_MIRROR"]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of published data sets and predictions."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the published data at {MIRROR}; set AUDITKIT_MIRROR")
    return MIRROR


_NEED = {"mirror": "mirror", "ray_cluster": "ray"}
"""Fixture to the marker of the tests that take it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes a fixture of the outside world, so that it can be left out: `-m "not ray and not mirror"`."""
    for item in items:
        for fixture, marker in _NEED.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Where the mirror is there, a test of published data that skips has failed."""
    report = yield
    if report.skipped and MIRROR.is_dir() and "mirror" in getattr(item, "fixturenames", ()):
        report.outcome, report.longrepr = "failed", f"skipped although {MIRROR} is there: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def imported() -> Callable[[str, Path], ModuleType]:
    """Imports a file of the tests under a name of its own."""

    def load(name: str, path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def api(imported: Callable[[str, Path], ModuleType]) -> ModuleType:
    """The module `api_server.py`: an endpoint on loopback, well or badly behaved."""
    return imported("auditkit_tests_api", Path(__file__).with_name("api_server.py"))


@pytest.fixture
def toy(api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A running server; no key in the environment."""
    for name in ("OPENAI_API_KEY", "AUDITKIT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with api.serving(api.ToyServer()) as server:
        yield server


@pytest.fixture(scope="session")
def _ray_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A small Ray cluster on loopback, for all tests of a process; starting one takes seconds."""
    pytest.importorskip("ray", reason=missing("ray"))
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # paths of sockets must be short
    settings = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    here = Path(__file__).resolve().parent
    path = os.pathsep.join([str(here / "run"), str(here.parent), os.environ.get("PYTHONPATH", "")])
    code = (
        "import ray, sys\n"
        "found = ray.init(address='local', num_cpus=4, include_dashboard=False, object_store_memory=100 << 20,\n"
        "                 _node_ip_address='127.0.0.1', _temp_dir=sys.argv[1], logging_level='error')\n"
        "print(found.address_info['gcs_address'], flush=True)\n"
        "sys.stdin.read()\n"
    )
    head = subprocess.Popen(
        [sys.executable, "-c", code, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env={**os.environ, **settings, "PYTHONPATH": path},
    )
    assert head.stdout is not None
    assert head.stdin is not None
    address = head.stdout.readline().strip()
    assert address, "Ray did not start"
    yield {**settings, "RAY_ADDRESS": address}
    head.stdin.close()
    head.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ray_cluster(_ray_address: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `executor: ray` use the tests' cluster."""
    for name, value in _ray_address.items():
        monkeypatch.setenv(name, value)
