"""Summaries by rouge-score."""

from __future__ import annotations

from typing import Any

from auditkit.measure.metrics.summarisation import rouge, tokenizer_of
from auditkit.measure.modules.base import TEXT, TEXTS, Module


class Rouge(Module):
    """Predictions are texts; references are lists of right ones."""

    def _info(self) -> Any:
        return self._described(
            "ROUGE F, 0 to 1.", TEXT, TEXTS, "https://github.com/google-research/google-research/tree/master/rouge"
        )

    def _compute(self, predictions: list[str], references: list[list[str]], language: str = "en") -> dict[str, Any]:
        kind = "rougeLsum" if self.config_name == "rouge_lsum" else str(self.config_name)
        words = tokenizer_of(language)
        values = [rouge(kind, text, golds, words) for text, golds in zip(predictions, references, strict=True)]
        return {self.config_name: sum(values) / len(values), "words": words}
