"""What the modules share."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from typing import Any

import evaluate
from datasets import Features, Sequence, Value

TEXT = Value("string")
TEXTS = Sequence(Value("string"))
NUMBERS = Sequence(Value("float64"))


@cache
def scratch_folder() -> str:
    """Where evaluate may make its (empty) folders: the process's own, unreadable to others, gone when it ends."""
    folder = tempfile.mkdtemp(prefix="auditkit-evaluate-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Module(evaluate.Metric):  # type: ignore[misc]
    """A metric that keeps its inputs in memory and leaves predictions of `None` out."""

    def __init__(self, config_name: str, **settings: Any) -> None:
        """Take a configuration; evaluate needs a folder that can be written, even in memory: not the user's home."""
        settings.setdefault("cache_dir", scratch_folder())
        settings.setdefault("keep_in_memory", True)
        super().__init__(config_name=config_name, **settings)

    def compute(self, *, predictions: Any = None, references: Any = None, **settings: Any) -> dict[str, Any]:
        """The corpus value under the configuration's name, with the number of scored predictions as `n`.

        Undefined is `None`, never 0.
        """
        pairs = [pair for pair in zip(predictions, references, strict=True) if pair[0] is not None]
        if not pairs:
            return {self.config_name: None, "n": 0}
        scored, right = (list(column) for column in zip(*pairs, strict=True))
        # by name: evaluate copies this method, and a copy has no cell for super()
        found: dict[str, Any] = evaluate.Metric.compute(self, predictions=scored, references=right, **settings)
        return {**found, "n": len(pairs)}

    def _described(self, description: str, predictions: Any, references: Any, url: str) -> Any:
        return evaluate.MetricInfo(
            description=description, citation="", inputs_description="",
            features=Features({"predictions": predictions, "references": references}), reference_urls=[url],
        )
