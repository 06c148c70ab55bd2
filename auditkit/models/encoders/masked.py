"""Masked language models: pseudo-log-likelihood, each scored token masked in turn (Salazar et al., ACL 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.causal.adapter import option_output
from auditkit.models.causal.scoring import in_halves, pad_out, right_padded
from auditkit.models.speed.head import pick_logprobs
from auditkit.models.speed.last_layer import LastLayerHead
from auditkit.models.speed.tree import Ids
from auditkit.models.tokens.encoding import MaskedEncoder
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output, Request, Subject

PSEUDO_LIKELIHOODS = ("pseudo_loglikelihood", "pseudo_loglikelihood_per_token", "pseudo_loglikelihood_per_byte")

CPU_TOKENS = 1024
"""Tokens of one forward pass on a CPU, padding included: of 256 to 4,096 the fastest on one thread."""


@dataclass(frozen=True)
class Copy:
    """A text with one token masked."""

    ids: Ids
    at: int
    """Where; the text may hold other masks of its own."""

    def __len__(self) -> int:
        """Its tokens."""
        return len(self.ids)


class MaskedAdapter:
    """Answers with a transformers `...ForMaskedLM`.

    `choose` scores the option's tokens in the text prompt + prefix + option; `compare` the tokens in the spans.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind a loaded masked model; nothing is computed yet.

        Raises:
            ModelError: its tokenizer has no mask token.
        """
        if checkpoint.tokenizer.mask_token_id is None:
            raise ModelError(
                f"{checkpoint.subject.name}: its tokenizer has no mask token; say --kind if it is no masked model"
            )
        self.checkpoint = checkpoint
        self.encoder = MaskedEncoder(checkpoint)

    @property
    def subject(self) -> Subject:
        """Which model this is."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {
            "choose": PSEUDO_LIKELIHOODS, "compare": PSEUDO_LIKELIHOODS[:1], "classify": PSEUDO_LIKELIHOODS,
        }

    @cached_property
    def head(self) -> LastLayerHead:
        """Checked against the model's own full forward on first use."""
        return LastLayerHead(self.checkpoint)

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise requests, in order; see `MaskedEncoder`."""
        return self.encoder.encode(requests)

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order."""
        import torch

        with torch.inference_mode():
            values = iter(self._logprobs([sequence for each in batch for sequence in each.sequences]))
        for each in batch:
            yield option_output(each, [next(values) for _ in each.sequences])

    def view(self, request: Request, option: int) -> View:
        """Not offered.

        Raises:
            MeasurementError: always; the score is a sum over differently masked copies of the text.
        """
        raise MeasurementError(
            "a pseudo-log-likelihood is a sum over differently masked copies of one text, not a function of one "
            "embedding matrix; masked models are not explained yet"
        )

    def _logprobs(self, sequences: Sequence[TokenSequence]) -> list[np.ndarray]:
        """Pseudo-log-probability (nats) of each scored token; equal masked copies are computed once."""
        mask = self.checkpoint.tokenizer.mask_token_id
        wanted: dict[Copy, dict[int, float]] = {}
        asked: list[list[tuple[Copy, int]]] = []
        for sequence in sequences:
            row = []
            for at in sequence.scored:
                copy = Copy((*sequence.ids[:at], mask, *sequence.ids[at + 1 :]), at)
                wanted.setdefault(copy, {})[sequence.ids[at]] = 0.0
                row.append((copy, sequence.ids[at]))
            asked.append(row)
        for group in pad_out(list(wanted), self._budget()):
            in_halves(group, lambda part: self._fill(part, wanted))
        return [np.array([wanted[copy][token] for copy, token in row], dtype=np.float64) for row in asked]

    def _budget(self) -> int:
        budget = self.checkpoint.batch_tokens
        return min(budget, CPU_TOKENS) if self.checkpoint.device.type == "cpu" else budget

    def _fill(self, group: list[Copy], wanted: dict[Copy, dict[int, float]]) -> None:
        """Compute one group of masked copies."""
        asked = [(row, copy, token) for row, copy in enumerate(group) for token in wanted[copy]]
        inputs = right_padded([copy.ids for copy in group], self.checkpoint, positions=False)
        places, targets = [(row, copy.at) for row, copy, _ in asked], [token for _, _, token in asked]
        values = pick_logprobs(self.head, inputs, places, targets, self.checkpoint.device)
        for (_, copy, token), value in zip(asked, values, strict=True):
            wanted[copy][token] = value
