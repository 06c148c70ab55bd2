"""The explained scalar F as a function of the embeddings that are free to move.

Only those positions move that every view calls free and that hold equal tokens: the prompt that both options share.
Special and template tokens stay, in the baseline too, so that their attribution is exactly 0: a decoder whose first
token fades into another loses its attention sink on the way. On SmolLM2 a text of 20 tokens then had a completeness
error of 50 % of sum |a| after 128 steps; with the special tokens kept, 6 of 6 texts had below 3 % after 16 to 48.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditkit.errors import MeasurementError
from auditkit.explain.budget import PassBudget
from auditkit.models.adapter import View

if TYPE_CHECKING:
    import torch

TOKENS = 1024
"""Token budget of one call (512 to 2,048 is best on a CPU)."""


class ScoreFunction:
    """F(e) = score of the first view, minus that of the second where there is one."""

    def __init__(self, views: Sequence[View], budget: PassBudget) -> None:
        """Bind the views of one option, or of an option and the one it is contrasted with.

        Raises:
            MeasurementError: no position is free in all views.
        """
        self.views = tuple(views)
        self.budget = budget
        self.positions = _shared(self.views)
        if not self.positions[0]:
            raise MeasurementError(
                "no token is on the embedding path: the options share no prompt token; nothing can be attributed"
            )
        self._bases = [view.embeddings.detach().clone() for view in self.views]
        self.free: torch.Tensor = self._bases[0][self.positions[0]].float()[None]
        """Embeddings of the K free positions at the input, (1, K, D) in float32."""
        self.rows = max(1, TOKENS // sum(len(base) for base in self._bases))
        """Most rows of one call."""

    @property
    def view(self) -> View:
        """The explained option's view."""
        return self.views[0]

    @property
    def listed(self) -> list[int]:
        """Positions of the view that an attribution lists: the moving ones, and the special ones among them."""
        moving = set(self.positions[0])
        return [
            position for position, (free, special) in enumerate(zip(self.view.free, self.view.special, strict=True))
            if position in moving or (free and special)
        ]

    def baseline(self, token: int) -> torch.Tensor:
        """Free embeddings (1, K, D) of which each repeats one token's word embedding."""
        import torch

        with torch.no_grad():
            ids = torch.full((len(self.positions[0]),), token, device=self.free.device)
            embedded: torch.Tensor = self.view.module.get_input_embeddings()(ids)
        return embedded.detach().clone().float()[None]

    def __call__(self, free: torch.Tensor) -> torch.Tensor:
        """F of free embeddings (B, K, D), shape (B,); differentiable, in one graph for both options."""
        scores = [
            view.score(self._moved(base, positions, free))
            for view, base, positions in zip(self.views, self._bases, self.positions, strict=True)
        ]
        return scores[0] if len(scores) == 1 else scores[0] - scores[1]

    def value(self, free: torch.Tensor) -> float:
        """F of one row (1, K, D), without gradients."""
        import torch

        self.budget.spend(len(self.views))
        with torch.no_grad():
            return float(self(free))

    def _moved(self, base: torch.Tensor, positions: Sequence[int], free: torch.Tensor) -> torch.Tensor:
        """All embeddings of a view, (B, T, D): `base`, (T, D), with `free`, (B, K, D), at the moving positions."""
        rows = base.expand(free.shape[0], -1, -1).clone()
        rows[:, list(positions)] = free.to(base.dtype)
        return rows


def _shared(views: Sequence[View]) -> list[list[int]]:
    """Moving positions of each view, cut where their tokens begin to differ (a tokenizer may merge the boundary)."""
    movable = [
        [
            position for position, (free, special) in enumerate(zip(view.free, view.special, strict=True))
            if free and not special
        ]
        for view in views
    ]
    count = 0
    for positions in zip(*movable, strict=False):
        if len({int(view.ids[position]) for view, position in zip(views, positions, strict=True)}) > 1:
            break
        count += 1
    return [positions[:count] for positions in movable]


@contextmanager
def without_parameter_gradients(module: torch.nn.Module) -> Iterator[None]:
    """While open, no parameter asks for a gradient; then each is as it was.

    Raises:
        MeasurementError: a part of the module is in training mode (transformers recomputes activations only there).
    """
    if any(part.training for part in module.modules()):
        raise MeasurementError("the model is in training mode, where dropout moves its scores; call eval() first")
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
