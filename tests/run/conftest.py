"""The fake model, for all tests of the runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fake(imported: Callable[[str, Path], ModuleType]) -> ModuleType:
    """The module `fake.py`, which is also a script."""
    return imported("auditkit_tests_fake", Path(__file__).with_name("fake.py"))
