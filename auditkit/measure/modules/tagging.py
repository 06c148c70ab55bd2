"""Entities by seqeval."""

from __future__ import annotations

from typing import Any

from auditkit.errors import MeasurementError
from auditkit.measure.modules.base import TEXTS, Module
from auditkit.measure.scorers import entities


class Tagging(Module):
    """Predictions and references are lists of tags, one a word."""

    def _info(self) -> Any:
        return self._described(
            "Entity F1 (strict or lenient), or token accuracy.", TEXTS, TEXTS, "https://github.com/chakki-works/seqeval"
        )

    def _compute(
        self, predictions: list[list[str]], references: list[list[str]], scheme: str | None = None
    ) -> dict[str, Any]:
        from seqeval import metrics
        from seqeval import scheme as schemes

        name = self.config_name
        if name == "token_accuracy":
            return {name: float(metrics.accuracy_score(references, predictions))}
        found = scheme or entities.read_scheme(references)
        if found is None:
            raise MeasurementError("the references hold no B- or I- tags, so there are no entities; use token_accuracy")
        letters = found if name == "entity_f1" else "IOBES"
        gold, said = ([entities.clean(tags, letters) for tags in rows] for rows in (references, predictions))
        if all(tag == "O" for rows in (gold, said) for tags in rows for tag in tags):
            return {name: None, "scheme": found}
        if name == "entity_f1":
            value = metrics.f1_score(gold, said, mode="strict", scheme=getattr(schemes, found), zero_division=0)
        else:
            value = metrics.f1_score(gold, said, zero_division=0)
        return {name: float(value), "scheme": found}
