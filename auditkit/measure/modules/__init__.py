"""The field's metrics as `evaluate.Metric` modules inside the package: nothing is fetched at run time.

    from auditkit.measure import modules
    modules.load("bleu").compute(predictions=["a cat"], references=[["the cat"]])

The values are those of scikit-learn, seqeval, sacreBLEU, rouge-score and the official SQuAD script; the audit's own
estimates equal them on the scored samples. Predictions of `None` are left out, not counted as wrong.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from auditkit.errors import MeasurementError

MODULES: dict[str, str] = {
    **dict.fromkeys(
        ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "matthews_correlation"), "classification:Classification"
    ),
    **dict.fromkeys(("auroc", "brier_score"), "classification:Probabilities"),
    **dict.fromkeys(("multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy"), "classification:MultiLabel"),
    **dict.fromkeys(("entity_f1", "entity_f1_lenient", "token_accuracy"), "tagging:Tagging"),
    **dict.fromkeys(("exact_match", "token_f1"), "qa:Squad"),
    **dict.fromkeys(("bleu", "chrf"), "translation:Translation"),
    **dict.fromkeys(("rouge1", "rouge2", "rouge_lsum"), "summarisation:Rouge"),
}
"""Name to `module:class`; the name is the module's configuration."""


def load(name: str) -> Any:
    """The `evaluate.Metric` of a name, ready to compute.

    Importing `evaluate` takes seconds, so that it is done here and not before.

    Raises:
        MeasurementError: no such module.
    """
    if name not in MODULES:
        raise MeasurementError(f'no module is called "{name}"; there are: {", ".join(MODULES)}')
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    module, _, kind = MODULES[name].partition(":")
    return getattr(import_module(f"auditkit.measure.modules.{module}"), kind)(name)
