"""What the head of a sequence classifier gives: a probability a class, independent ones, or a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.models.weights.settings import class_names

if TYPE_CHECKING:
    import torch


class ClassHead:
    """The classes of a sequence classifier, or that it is a regression, read from its configuration."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read the configuration.

        Raises:
            ModelError: a regression with several outputs, or two classes of one name.
        """
        config, self._model_name = checkpoint.model.config, checkpoint.subject.name
        self.multi_label = config.problem_type == "multi_label_classification"
        self.regression = config.problem_type == "regression" or (config.num_labels < 2 and not self.multi_label)
        self.classes = class_names(config, self._model_name)
        if self.regression and config.num_labels > 1:
            raise ModelError(
                f"{self._model_name}: a regression with {config.num_labels} outputs; only one number can be read"
            )
        if len(set(self.classes)) < len(self.classes):
            raise ModelError(f"{self._model_name}: id2label gives two classes one name; correct its config.json")

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that every label is a class.

        Raises:
            ModelError: names the labels that are missing and the classes there are.
        """
        missing = sorted(set(labels) - set(self.classes))
        if missing and not self.regression:
            raise ModelError(
                f"{self._model_name}: no class is called {', '.join(missing)} "
                f"(id2label has {', '.join(self.classes)}); rename the classes in config.json or the labels in the pack"
            )

    def scores(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-probability of each class, (B, C) in float32: softmax, or a sigmoid each for multi-label models; the
        number itself, (B, 1), of a regression."""
        import torch

        values = logits.float()
        if self.regression:
            return values
        log_probabilities: torch.Tensor = (
            torch.nn.functional.logsigmoid(values) if self.multi_label else values.log_softmax(-1)
        )
        return log_probabilities
