"""Classification: one class of a text, or of a pair of texts (`text_pair`)."""

from __future__ import annotations

from typing import Any

from auditkit.load.tasks.kind import LIKELIHOODS_PER_BYTE, Classes, TaskKind, label_of
from auditkit.load.tasks.row import TaskRow
from auditkit.schema import Template


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    return {"target": label_of(row.label("label"), classes, row.place)}


def _template(text: str, *inputs: str) -> Template:
    return Template(text=text, letter=f"{text}\n\nWhich of these fits?\n{{options}}", prefix="Label:", inputs=inputs)


classification = TaskKind(
    inputs=("text",), optional="text_pair", truths=("label",), truth=_truth,
    labels=lambda row: [row.label("label")],
    request="classify", rules=("probabilities", *LIKELIHOODS_PER_BYTE, "similarity", "letter"),
    template=_template("{text}", "text"),
    optional_template=_template("{text}\n\n{text_pair}", "text", "text_pair"),
    metrics=("accuracy", "macro_f1", "macro_recall", "matthews_correlation", "expected_calibration_error",
             "brier_score"),
    grouped_metrics=("brier_score",),
    class_metrics=(
        "selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate",
        "positive_predictive_value", "f1",
    ),
    parity_metrics=(
        "demographic_parity_difference", "demographic_parity_ratio", "equal_opportunity_difference",
        "equalized_odds_difference", "equalized_odds_ratio",
    ),
    learnt_metrics=("accuracy", "macro_f1", "matthews_correlation"),
)
