"""Question answering by SQuAD's official normalisation."""

from __future__ import annotations

from typing import Any

from auditkit.measure.metrics.qa import normalise, token_overlap
from auditkit.measure.modules.base import TEXT, TEXTS, Module


class Squad(Module):
    """Predictions are answers (empty: there is none); references are lists of right ones (empty: there is none)."""

    def _info(self) -> Any:
        return self._described(
            "Exact match or token F1, 0 to 1.", TEXT, TEXTS, "https://rajpurkar.github.io/SQuAD-explorer/"
        )

    def _compute(self, predictions: list[str], references: list[list[str]]) -> dict[str, float]:
        totals = []
        for said, given in zip(predictions, references, strict=True):
            golds = [gold for gold in given if normalise(gold)] or [""]
            if self.config_name == "exact_match":
                totals.append(max(float(normalise(said) == normalise(gold)) for gold in golds))
            else:
                totals.append(max(token_overlap(said, gold) for gold in golds))
        return {self.config_name: sum(totals) / len(totals)}
