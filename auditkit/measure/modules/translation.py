"""Translations by sacreBLEU."""

from __future__ import annotations

from typing import Any

from auditkit.measure.metrics.translation import bleu_scorer, chrf_scorer, tokenizer
from auditkit.measure.modules.base import TEXT, TEXTS, Module


class Translation(Module):
    """Predictions are texts; references are lists of right ones."""

    def _info(self) -> Any:
        return self._described("BLEU or chrF2, 0 to 100.", TEXT, TEXTS, "https://github.com/mjpost/sacrebleu")

    def _compute(
        self, predictions: list[str], references: list[list[str]], tokenize: str | None = None
    ) -> dict[str, Any]:
        most = max(len(golds) for golds in references)
        streams = [[golds[i] if i < len(golds) else None for golds in references] for i in range(most)]
        name = tokenize or tokenizer([gold for golds in references for gold in golds])
        scorer = bleu_scorer(name) if self.config_name == "bleu" else chrf_scorer()
        value = scorer.corpus_score(predictions, streams).score
        return {self.config_name: float(value), "signature": str(scorer.get_signature())}
