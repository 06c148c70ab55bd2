"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MIRROR = Path(os.environ.get("AUDITKIT_MIRROR", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of published data sets and predictions."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the published data at {MIRROR}; set AUDITKIT_MIRROR")
    return MIRROR
