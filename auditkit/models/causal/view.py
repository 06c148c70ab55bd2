"""The differentiable view of an option's log-likelihood in a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from auditkit.errors import MeasurementError
from auditkit.models.causal.tokens import CausalEncoder
from auditkit.models.speed.head import Head
from auditkit.models.tokens.options import scored_bytes
from auditkit.models.tokens.view import EmbeddingView
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Request
from auditkit.schema.answer import divisor

if TYPE_CHECKING:
    import torch


class CausalView(EmbeddingView):
    """Log-likelihood of the scored tokens, normalised as the request's rule says; target ids stay fixed."""

    def __init__(
        self, checkpoint: Checkpoint, encoder: CausalEncoder, head: Head, request: Request, option: int
    ) -> None:
        """Bind an option of a request, tokenised as it is scored.

        Raises:
            MeasurementError: a kind without options, or int8 weights.
        """
        if request.kind not in ("choose", "compare", "classify"):
            raise MeasurementError(f"`{request.kind}` has no options whose score could be explained")
        super().__init__(checkpoint, encoder.trace(request, option)[0])
        self._head = head
        self._kind = request.kind
        size = scored_bytes(request, request.options[option]) if request.options else 0
        count = divisor(request.rule, len(self._piece.scored), size)
        if count is None:
            raise MeasurementError(f"option {option + 1} has no scored token, so that it has no score to explain")
        self._divisor = count

    @cached_property
    def free(self) -> Sequence[bool]:
        """The prompt, chat template and BOS included, for `choose`; every position for `compare`."""
        all_positions = self._kind == "compare"
        return tuple(all_positions or index < self._piece.scored[0] for index in range(len(self._piece.ids)))

    def score(self, embeddings: torch.Tensor) -> torch.Tensor:
        """See `EmbeddingView.score`: the sum in float64 (float32 where the device has none)."""
        import torch

        count, device = embeddings.shape[0], embeddings.device
        scored = torch.tensor(self._piece.scored, device=device)
        rows = torch.arange(count, device=device).repeat_interleave(len(scored))
        columns = (scored - 1).repeat(count)
        inputs = self._inputs(embeddings, positions=self._checkpoint.accepts_positions)
        logits = self._head.logits(rows, columns, **inputs, use_cache=False).float()
        values = logits.log_softmax(-1).gather(-1, self.ids[scored].repeat(count)[:, None])[:, 0]
        if device.type != "mps":
            values = values.double()
        return values.reshape(count, -1).sum(-1) / self._divisor
