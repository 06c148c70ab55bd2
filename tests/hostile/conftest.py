"""What the attacks are made on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .forging import audit


@pytest.fixture(scope="session")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("original") / "run"
    audit(out)
    return out


@pytest.fixture
def run(_original: Path, tmp_path: Path) -> Path:
    """A finished run folder, to be spoilt."""
    return Path(shutil.copytree(_original, tmp_path / "run"))
