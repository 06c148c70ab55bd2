"""What the attacks are made of: tiny models that are saved with a fault in them, and a run folder to be spoilt."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .forging import audit


@pytest.fixture(scope="session")
def tiny(imported: Callable[[str, Path], ModuleType]) -> ModuleType:
    """The builders of tiny models."""
    return imported("auditkit_tests_tiny", Path(__file__).resolve().parents[1] / "models" / "conftest.py")


@pytest.fixture(scope="session")
def weights(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves a tiny model; `template` is its chat template."""

    def save(name: str, template: str = "") -> Path:
        path = tmp_path_factory.mktemp("weights")
        model, tokenizer = tiny.build(name)
        tokenizer.chat_template = template or None
        model.eval().save_pretrained(str(path))
        tokenizer.save_pretrained(str(path))
        return path

    return save


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command line in this process; gives its exit code."""

    def run(*arguments: str) -> int:
        from auditkit.cli import main

        monkeypatch.setattr("sys.argv", ["auditkit", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0)

    return run


@pytest.fixture
def text_model(weights: Callable[..., Path]) -> Callable[[str], Any]:
    """A decoder with a chat template, opened."""
    from auditkit.models.open import open_model
    from auditkit.schema import Config

    folder = weights("llama", "{{ messages[0].content }}")

    def opened(template: str) -> Any:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
        return open_model(Config(model=str(folder), device="cpu"))

    return opened


@pytest.fixture(scope="session")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("original") / "run"
    audit(out)
    return out


@pytest.fixture
def run(_original: Path, tmp_path: Path) -> Path:
    """A finished run folder, to be spoilt."""
    return Path(shutil.copytree(_original, tmp_path / "run"))
