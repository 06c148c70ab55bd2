"""Multi-label classification: any number of classes, none included."""

from __future__ import annotations

from typing import Any

from auditkit.load.tasks.kind import BARE, BARE_PAIR, Classes, TaskKind, label_of
from auditkit.load.tasks.row import TaskRow


def _labels(row: TaskRow) -> list[str]:
    return row.labels("label", none=True)


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    labels = [label_of(value, classes, row.place) for value in _labels(row)]
    return {"target": None, "references": list(dict.fromkeys(labels))}


multi_label = TaskKind(
    inputs=("text",), optional="text_pair", truths=("label",), truth=_truth, labels=_labels,
    request="classify", rules=("probabilities",), template=BARE, optional_template=BARE_PAIR,
    metrics=("multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy"),
    learnt_metrics=("subset_accuracy", "multilabel_macro_f1"),
)
