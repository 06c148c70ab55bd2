"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run beside each other: one thread a process, also in those that they start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

MIRROR = Path(os.environ.get("AUDITKIT_MIRROR", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of published data sets and predictions."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the published data at {MIRROR}; set AUDITKIT_MIRROR")
    return MIRROR
