"""Metrics as `evaluate.Metric`: what `Metric.evaluate_metric` makes. Importing this module imports `evaluate`.

The values are those of scikit-learn, seqeval, sacreBLEU, rouge-score and the official SQuAD script; the audit's own
estimates equal them on the scored samples.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from typing import Any

# before the import: evaluate counts downloads of its modules on a server, and nothing is sent from here
os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")

import evaluate
from datasets import Features, Sequence, Value

from auditkit.measure.evaluate_form import EvaluateForm

_FEATURES = {"text": Value("string"), "texts": Sequence(Value("string")), "numbers": Sequence(Value("float64"))}


@cache
def scratch_folder() -> str:
    """Where evaluate may make its (empty) folders: the process's own, unreadable to others, gone when it ends."""
    folder = tempfile.mkdtemp(prefix="auditkit-evaluate-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class FormedMetric(evaluate.Metric):  # type: ignore[misc]
    """A metric that keeps its inputs in memory and leaves predictions of `None` out."""

    def __init__(self, name: str, form: EvaluateForm) -> None:
        """Take a metric's name and form; evaluate needs a folder that can be written, but not the user's home."""
        self.form = form
        super().__init__(config_name=name, cache_dir=scratch_folder(), keep_in_memory=True)

    def compute(self, *, predictions: Any = None, references: Any = None, **settings: Any) -> dict[str, Any]:
        """The corpus value under the metric's name, with the number of scored predictions as `n`.

        Predictions of `None` are left out, not counted as wrong. Undefined is `None`, never 0.
        """
        pairs = [pair for pair in zip(predictions, references, strict=True) if pair[0] is not None]
        if not pairs:
            return {self.config_name: None, "n": 0}
        scored, right = (list(column) for column in zip(*pairs, strict=True))
        # by name: evaluate copies this method, and a copy has no cell for super()
        results: dict[str, Any] = evaluate.Metric.compute(self, predictions=scored, references=right, **settings)
        return {**results, "n": len(pairs)}

    def _info(self) -> Any:
        features = {"predictions": _FEATURES[self.form.predictions], "references": _FEATURES[self.form.references]}
        return evaluate.MetricInfo(
            description=self.form.compute.__doc__ or self.form.url, citation="", inputs_description="",
            features=Features(features), reference_urls=[self.form.url],
        )

    def _compute(self, **inputs: Any) -> dict[str, Any]:
        computed = self.form.compute(**inputs)
        value, remarks = computed if isinstance(computed, tuple) else (computed, {})
        return {self.config_name: value, **remarks}
