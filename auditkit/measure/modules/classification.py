"""Classification by scikit-learn."""

from __future__ import annotations

from typing import Any

from auditkit.measure.modules.base import NUMBERS, TEXT, TEXTS, Module

_URL = "https://scikit-learn.org/stable/modules/model_evaluation.html"


class Classification(Module):
    """One class a sample: predictions and references are class names."""

    def _info(self) -> Any:
        return self._described("Accuracy, F1 or Matthews correlation.", TEXT, TEXT, _URL)

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float | None]:
        from sklearn import metrics

        name = self.config_name
        if name == "accuracy":
            return {name: float(metrics.accuracy_score(references, predictions))}
        if name == "matthews_correlation":
            defined = len(set(references)) > 1 and len(set(predictions)) > 1
            return {name: float(metrics.matthews_corrcoef(references, predictions)) if defined else None}
        labels = sorted({*references, *predictions} if name == "micro_f1" else set(references))
        average = name.removesuffix("_f1")
        return {name: float(metrics.f1_score(references, predictions, labels=labels, average=average, zero_division=0))}


class Probabilities(Module):
    """Predictions are probabilities, in the order of `classes`; references are class names."""

    def _info(self) -> Any:
        return self._described("AUROC (one against the rest) or Brier score (halved).", NUMBERS, TEXT, _URL)

    def _compute(
        self, predictions: list[list[float]], references: list[str], classes: list[str]
    ) -> dict[str, float | None]:
        import numpy as np
        from sklearn import metrics

        found, gold = np.array(predictions), np.array(references)
        if self.config_name == "brier_score":
            order = np.argsort(classes)
            value = metrics.brier_score_loss(gold, found[:, order], labels=sorted(classes), scale_by_half=True)
            return {self.config_name: float(value)}
        present = [i for i, name in enumerate(classes) if 0 < (gold == name).sum() < len(gold)]
        each = [metrics.roc_auc_score(gold == classes[i], found[:, i]) for i in present]
        return {self.config_name: float(np.mean(each)) if each else None}


class MultiLabel(Module):
    """Several classes a sample: predictions and references are lists of class names."""

    def _info(self) -> Any:
        return self._described("F1 or subset accuracy of several classes a sample.", TEXTS, TEXTS, _URL)

    def _compute(self, predictions: list[list[str]], references: list[list[str]]) -> dict[str, float | None]:
        import numpy as np
        from sklearn import metrics

        name = self.config_name
        right = {label for labels in references for label in labels}
        every = right | {label for labels in predictions for label in labels}
        kept = sorted(right if name == "multilabel_macro_f1" else every)
        gold, said = (np.array([[one in row for one in kept] for row in rows]) for rows in (references, predictions))
        if name == "subset_accuracy":
            return {name: float(np.mean([set(a) == set(b) for a, b in zip(predictions, references, strict=True)]))}
        if not kept:
            return {name: None}
        average = name.removeprefix("multilabel_").removesuffix("_f1")
        return {name: float(metrics.f1_score(gold, said, average=average, zero_division=0))}
