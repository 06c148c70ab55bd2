"""Models for Ray workers, which import this file by its name."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from auditkit.models.adapter import Encoded
from auditkit.schema import Output

_SPEC = importlib.util.spec_from_file_location("auditkit_tests_fake", Path(__file__).with_name("fake.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
fake = sys.modules.setdefault("auditkit_tests_fake", importlib.util.module_from_spec(_SPEC))
if not hasattr(fake, "FakeAdapter"):
    _SPEC.loader.exec_module(fake)


class Mortal(fake.FakeAdapter):  # type: ignore[name-defined,misc]
    """Its process kills itself over `question 7`, once, and over `question 9`, always; notes who answered."""

    def __init__(self, folder: Path, seconds: float = 0.0) -> None:
        super().__init__()
        self.folder = folder
        self.seconds = seconds

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """As the fake model, if it lives."""
        texts = [each.request.text for each in batch]
        (self.folder / f"worker-{os.getpid()}").touch()
        time.sleep(self.seconds)
        once = self.folder / "killed-once"
        if any(text.startswith("question 7 ") for text in texts) and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if any(text.startswith("question 9 ") for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().execute(batch)


class Slow(fake.FakeAdapter):  # type: ignore[name-defined,misc]
    """Takes its time, so that something can happen meanwhile."""

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """As the fake model, later."""
        time.sleep(0.3)
        yield from super().execute(batch)


def other() -> fake.FakeAdapter:  # type: ignore[name-defined]
    """Another model than the one asked for."""
    return fake.FakeAdapter(fingerprint="2" * 64)


def broken() -> fake.FakeAdapter:  # type: ignore[name-defined]
    """A model that cannot be opened."""
    raise ZeroDivisionError("no such weights")
