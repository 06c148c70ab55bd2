"""The fake model, for all tests of the runner."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    """The module `fake.py`, which is also a script."""
    spec = importlib.util.spec_from_file_location("auditkit_tests_fake", Path(__file__).with_name("fake.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
