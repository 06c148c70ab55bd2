"""Integrated gradients along the embedding path, refined where it is rough.

Captum's operator with Gauss-Legendre points integrates one panel [l, h] of the straight path at a time: the input is
b + h(x - b), the baseline b + l(x - b). Each panel's own completeness error is known; the worst is halved until
the sum is complete. On a language model the path is rough in few places, and only the gradients of the halved
panel are thrown away, where a rule doubled everywhere throws away each of its stages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from auditkit.explain.score_function import ScoreFunction
from auditkit.schema import Explain

if TYPE_CHECKING:
    import torch

POINTS = 8
"""Gauss-Legendre points of one panel."""
_EXACT = 1e-6
"""Most by which F may have changed where every attribution is 0."""


@dataclass(frozen=True, slots=True)
class Integral:
    """Attributions of the free positions for one baseline."""

    scores: np.ndarray
    """Signed, shape (K,), float64; their sum should be `end - start`."""
    start: float
    """F at the baseline."""
    end: float
    """F at the input."""
    steps: int
    """Gradient evaluations, those of halved panels included."""
    finite: bool
    """Whether every gradient and both ends are numbers."""
    converged: bool
    """Whether the completeness error is below the tolerance."""


@dataclass(frozen=True, slots=True)
class _Panel:
    low: float
    high: float
    at_low: float
    at_high: float
    scores: np.ndarray

    @property
    def error(self) -> float:
        """How far the panel misses completeness: |sum of its scores − rise of F across it|, 0 or more."""
        return abs(float(self.scores.sum()) - (self.at_high - self.at_low))


class StraightPath:
    """The straight line from a baseline to the input, both (1, K, D)."""

    def __init__(self, function: ScoreFunction, start: torch.Tensor) -> None:
        """Bind both ends.

        Args:
            function: F, whose `free` embeddings, (1, K, D), are the end.
            start: the baseline, (1, K, D).
        """
        from captum.attr import IntegratedGradients

        self._function = function
        self._start = start
        self._operator = IntegratedGradients(function)

    def point(self, alpha: float) -> torch.Tensor:
        """The embeddings at a share of the way, 0 to 1."""
        end = self._function.free
        return end if alpha == 1.0 else self._start + alpha * (end - self._start)

    def value(self, alpha: float) -> float:
        """F at a share of the way."""
        return self._function.value(self.point(alpha))

    def panel(self, low: float, high: float, at_low: float, at_high: float, points: int) -> _Panel:
        """Attributions of one stretch of the way, summed over the embedding dimension."""
        import torch

        self._function.budget.spend(2 * points * len(self._function.views))
        with torch.enable_grad():
            attributed = self._operator.attribute(
                self.point(high), baselines=self.point(low), n_steps=points, method="gausslegendre",
                internal_batch_size=self._function.rows,
            )
        scores = attributed.detach()[0].sum(-1).cpu().numpy().astype(np.float64)
        return _Panel(low, high, at_low, at_high, scores)


def integrate(function: ScoreFunction, start: torch.Tensor, end_score: float, settings: Explain) -> Integral:
    """Integrate until the completeness error is below `tolerance` of sum |a|, or another panel passes `max_steps`.

    Args:
        function: F.
        start: the baseline's free embeddings, (1, K, D).
        end_score: F at the input.
        settings: tolerance and most gradient evaluations (two panels are always made).

    Raises:
        MeasurementError: the budget of passes is used up.
    """
    path = StraightPath(function, start)
    points = max(1, min(POINTS, settings.max_steps // 2))
    first, middle = path.value(0.0), path.value(0.5)
    panels = [path.panel(0.0, 0.5, first, middle, points), path.panel(0.5, 1.0, middle, end_score, points)]
    steps = 2 * points
    while True:
        scores = np.sum([panel.scores for panel in panels], axis=0)
        finite = all(math.isfinite(panel.error) for panel in panels) and bool(np.isfinite(scores).all())
        converged = finite and _complete(scores, end_score - first, settings.tolerance)
        if converged or not finite or steps + 2 * points > settings.max_steps:
            return Integral(scores, first, end_score, steps, finite, converged)
        worst = max(panels, key=lambda panel: panel.error)
        panels = [panel for panel in panels if panel is not worst]
        centre = (worst.low + worst.high) / 2
        value = path.value(centre)
        panels.append(path.panel(worst.low, centre, worst.at_low, value, points))
        panels.append(path.panel(centre, worst.high, value, worst.at_high, points))
        steps += 2 * points


def _complete(scores: np.ndarray, change: float, tolerance: float) -> bool:
    """Whether attributions sum to the change of F; where all are 0, F must not have changed either."""
    error = abs(float(scores.sum()) - change)
    mass = float(np.abs(scores).sum())
    return error < tolerance * mass if mass > 0 else error <= _EXACT
