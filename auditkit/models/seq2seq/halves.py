"""Running the two halves of an encoder-decoder: sources are read once, the head on some positions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auditkit.models.device import to_device
from auditkit.models.speed.head import REFUSALS, narrowed, tolerance
from auditkit.models.tokens.batches import Ids, group_in_order, in_halves, right_padded
from auditkit.models.weights.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

KEPT_LEAST = 256
"""Tokens from which on a source is read by itself, which on a CPU takes no longer, and its reading kept for later
batches. Shorter ones are read together and not kept: a reading differs in its last bits with those beside it, and a run
that goes on after an interrupt must repeat each bit."""

KEPT_TOKENS = 1 << 15
"""Most tokens of all kept readings: 128 MiB where the encoder is 1,024 wide and in float32."""


class Halves:
    """The encoder and the decoder of one model."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind the model, and compare its head on a few positions with its head on all."""
        self._checkpoint = checkpoint
        self._decoder = checkpoint.model.get_decoder()
        self._narrow = self._narrow_equals_full()
        self._readings: dict[Ids, torch.Tensor] = {}

    def states(self, sources: Iterable[Ids]) -> dict[Ids, torch.Tensor]:
        """The encoder's reading (L, D) of each distinct source, without padding; long ones are kept, the last used.

        Raises:
            MeasurementError: not even one source fits into memory.
        """
        readings: dict[Ids, torch.Tensor] = {}

        def read(group: list[Ids]) -> None:
            """Read some sources in one pass."""
            inputs = right_padded(group, self._checkpoint, positions=False)
            states = self._checkpoint.model.get_encoder()(**inputs, return_dict=True).last_hidden_state
            # a view would keep the padded states of the whole group alive
            readings.update((ids, states[row, : len(ids)].clone()) for row, ids in enumerate(group))

        distinct = sorted(set(sources), key=lambda ids: (len(ids), ids))
        short = [ids for ids in distinct if len(ids) < KEPT_LEAST]
        for group in group_in_order(short, len, self._checkpoint.batch_tokens):
            in_halves(group, read)
        for ids in distinct:
            if len(ids) >= KEPT_LEAST:
                if ids in self._readings:
                    readings[ids] = self._readings.pop(ids)
                else:
                    in_halves([ids], read)
                self._keep(ids, readings[ids])
        return readings

    def _keep(self, ids: Ids, states: torch.Tensor) -> None:
        """Keep a reading as the last used, and let those go that were used longest ago."""
        self._readings[ids] = states
        excess = sum(len(source) for source in self._readings) - KEPT_TOKENS
        for source in list(self._readings):
            if excess <= 0:
                break
            excess -= len(source)
            del self._readings[source]

    def inputs(self, states: Sequence[torch.Tensor]) -> dict[str, Any]:
        """Encoder outputs (B, L, D) and their attention mask (B, L), as the model takes them."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        lengths = to_device([len(state) for state in states], states[0].device)
        padded = torch.nn.utils.rnn.pad_sequence(list(states), batch_first=True)
        mask = (torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]).long()
        return {"encoder_outputs": BaseModelOutput(last_hidden_state=padded), "attention_mask": mask}

    def select(self, inputs: Mapping[str, Any], rows: torch.Tensor) -> dict[str, Any]:
        """Some rows of what `inputs` made, in that order; a row may come several times."""
        from transformers.modeling_outputs import BaseModelOutput

        states = inputs["encoder_outputs"].last_hidden_state[rows]
        return {
            "encoder_outputs": BaseModelOutput(last_hidden_state=states),
            "attention_mask": inputs["attention_mask"][rows],
        }

    def targets(self, rows: Sequence[Ids]) -> torch.Tensor:
        """Target ids (B, T), padded on the right: causal attention lets no token see what follows it."""
        return right_padded(rows, self._checkpoint, positions=False)["input_ids"]

    def logits(
        self, inputs: Mapping[str, Any], rows: torch.Tensor, columns: torch.Tensor, **extra: Any
    ) -> tuple[torch.Tensor, Any]:
        """Logits (S, V) at the S places (rows[i], columns[i]) of the target, and the key/value cache if asked for."""
        if not self._narrow:
            output = self._checkpoint.model(**inputs, **extra)
            return output.logits[rows, columns], output.past_key_values
        with narrowed(self._decoder, rows, columns):
            output = self._checkpoint.model(**inputs, **extra)
        return output.logits[0], output.past_key_values

    def _narrow_equals_full(self) -> bool:
        """Whether the head may be given some positions only, on this very model."""
        import torch

        device, size = self._checkpoint.device, self._checkpoint.vocabulary
        ids = (torch.arange(3, 9, device=device) % size).repeat(2, 1)
        rows, columns = torch.tensor([0, 1, 1], device=device), torch.tensor([2, 0, 5], device=device)
        inputs = {"input_ids": ids, "decoder_input_ids": ids, "use_cache": False}
        with torch.inference_mode():
            full = self._checkpoint.model(**inputs).logits[rows, columns].float()
            try:
                with narrowed(self._decoder, rows, columns):
                    narrow = self._checkpoint.model(**inputs).logits[0].float()
            except REFUSALS:
                return False
        return narrow.shape == full.shape and bool((narrow - full).abs().max() <= tolerance(full, self._checkpoint))
