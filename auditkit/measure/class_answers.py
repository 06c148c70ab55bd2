"""Right and answered classes as columns: what every rate of one class against the rest is counted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditkit.measure.answers import answered_class
from auditkit.schema import Output, Sample
from auditkit.stats.columns import Mask, Strings

NONE = ""
"""Stands for no class."""
_OUTSIDE = "outside"


@dataclass(frozen=True, eq=False)
class ClassAnswers:
    """The samples of an arm, one row each."""

    gold: Strings
    """Shape (n,): the right class; empty where a sample has none."""
    answered: Strings
    """Shape (n,): the class that was answered; empty where none could be read."""
    reasons: Strings
    """Shape (n,): why none could be read; empty where one was."""

    @classmethod
    def of(cls, samples: Sequence[Sample], outputs: Mapping[str, Output | None]) -> ClassAnswers:
        """Read the answers to some samples, in their order."""
        read = [answered_class(sample, outputs.get(sample.id)) for sample in samples]
        return cls(
            gold=np.array([sample.target or NONE for sample in samples], dtype=np.str_),
            answered=np.array([label or NONE for label, _ in read], dtype=np.str_),
            reasons=np.array([reason or "" for _, reason in read], dtype=np.str_),
        )

    @property
    def read(self) -> Mask:
        """Which rows have an answer, shape (n,)."""
        return np.asarray(self.reasons == "")


@dataclass(frozen=True, eq=False)
class ClassScores:
    """The scores of a class metric, one a row."""

    values: Strings
    """Shape (n,), numbers; NaN where a row has no score."""
    reasons: Strings
    """Shape (n,): why it has none."""
    parts: Mapping[str, Strings] = field(default_factory=dict)
    """For a statistic over the corpus."""

    @classmethod
    def share(cls, rows: ClassAnswers, inside: Mask, hits: Mask) -> ClassScores:
        """1 or 0 for the rows inside a denominator.

        Args:
            rows: the answers.
            inside: which rows the denominator counts, shape (n,); of rows without an answer, which it could count.
            hits: which of them count above, shape (n,).
        """
        reasons = np.where(inside, rows.reasons, _OUTSIDE)
        return cls(np.where(reasons == "", hits.astype(np.float64), np.nan), reasons)
