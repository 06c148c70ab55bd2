"""How a metric is offered as an `evaluate.Metric`; `evaluate_export` makes one of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Computed = float | None | tuple[float | None, Mapping[str, str]]
"""A corpus value, `None` where it is undefined; perhaps with what else is to be said, by name."""


@dataclass(frozen=True)
class EvaluateForm:
    """How a metric is offered as an `evaluate.Metric`: computed by the field's library, not by auditkit's formula."""

    compute: Callable[..., Computed]
    """`(predictions=…, references=…, **settings)` to the value; its docstring describes them. Imports its library."""
    predictions: Literal["text", "texts", "numbers"]
    """What a prediction is."""
    references: Literal["text", "texts", "numbers"]
    """What a reference is."""
    url: str
    """Of the library."""
