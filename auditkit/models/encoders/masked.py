"""Masked language models: pseudo-log-likelihood, each scored token masked in turn (Salazar et al., ACL 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.speed.head import pick_logprobs
from auditkit.models.speed.last_layer import LastLayerHead
from auditkit.models.tokens.batches import Ids, group_by_length, in_halves, right_padded
from auditkit.models.tokens.encoding import Encoder, Piece, clean, inside, plain_prompt
from auditkit.models.tokens.options import PSEUDO_LIKELIHOODS, option_output, require_options
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Option, Output, Request, Subject

CPU_TOKENS = 1024
"""Tokens of one forward pass on a CPU, padding included: of 256 to 4,096 the fastest on one thread."""


@dataclass(frozen=True)
class MaskedCopy:
    """A text with one token masked."""

    ids: Ids
    position: int
    """Of the mask that was put in; the text may hold others of its own."""

    def __len__(self) -> int:
        """Its tokens."""
        return len(self.ids)


LogprobsOfCopy = dict[MaskedCopy, dict[int, float]]
"""Masked copy, to the id that is predicted at the mask, to its log-probability in nats."""


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
                f"{checkpoint.subject.name}: its tokenizer has no mask token; say --kind if it is not a masked model"
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
            values = iter(self._logprobs([sequence for encoded in batch for sequence in encoded.sequences]))
        for encoded in batch:
            yield option_output(encoded, [next(values) for _ in encoded.sequences])

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
        logprobs: LogprobsOfCopy = {}
        rows: list[list[tuple[MaskedCopy, int]]] = []
        for sequence in sequences:
            row = []
            for position in sequence.scored:
                copy = MaskedCopy((*sequence.ids[:position], mask, *sequence.ids[position + 1 :]), position)
                logprobs.setdefault(copy, {})[sequence.ids[position]] = 0.0
                row.append((copy, sequence.ids[position]))
            rows.append(row)
        for group in group_by_length(list(logprobs), self._budget()):
            in_halves(group, lambda part: self._fill(part, logprobs))
        return [np.array([logprobs[copy][token] for copy, token in row], dtype=np.float64) for row in rows]

    def _budget(self) -> int:
        budget = self.checkpoint.batch_tokens
        return min(budget, CPU_TOKENS) if self.checkpoint.device.type == "cpu" else budget

    def _fill(self, group: list[MaskedCopy], logprobs: LogprobsOfCopy) -> None:
        """Compute one group of masked copies."""
        queries = [(row, copy, token) for row, copy in enumerate(group) for token in logprobs[copy]]
        inputs = right_padded([copy.ids for copy in group], self.checkpoint, positions=False)
        places, targets = [(row, copy.position) for row, copy, _ in queries], [token for _, _, token in queries]
        values = pick_logprobs(self.head, inputs, places, targets, self.checkpoint.device)
        for (_, copy, token), value in zip(queries, values, strict=True):
            logprobs[copy][token] = value


class MaskedEncoder(Encoder):
    """An encoder: one text with the tokenizer's own special tokens."""

    def strings(self, request: Request) -> list[str]:
        """None: `pieces` tokenises each text with offsets."""
        return []

    def pieces(self, request: Request, table: dict[str, Any], *, offsets: bool = False) -> list[Piece]:
        """See `Encoder.pieces`."""
        options = require_options(request)
        context = "" if request.kind == "compare" else plain_prompt(request)
        texts = [context + clean(option.text) for option in options]
        batch = self.tokenizer(
            texts, return_offsets_mapping=True, return_special_tokens_mask=True, return_attention_mask=False,
            verbose=False,
        )
        return [
            self._piece(request, option, context, texts[row], {name: batch[name][row] for name in batch})
            for row, option in enumerate(options)
        ]

    def _piece(self, request: Request, option: Option, context: str, text: str, row: dict[str, Any]) -> Piece:
        offsets = tuple((int(start), int(end)) for start, end in row["offset_mapping"])
        special = row["special_tokens_mask"]
        spans = option.spans if request.kind == "compare" and option.spans else ((0, len(text)),)
        scored, merged = [], False
        for position, (start, end) in enumerate(offsets):
            if special[position] or start == end:
                continue
            if request.kind == "compare":
                counts = inside(text, start, end, spans)
            else:
                counts = bool(text[max(start, len(context)) : end].strip())
                merged = merged or (counts and bool(text[start : len(context)].strip()))
            if counts:
                scored.append(position)
        if not scored:
            raise MeasurementError(f"request {request.sha256[:12]}: no token of {text!r:.60} can be scored")
        keep = next((position for position, flag in enumerate(special) if not flag), len(special))
        return Piece(tuple(row["input_ids"]), tuple(scored), text, offsets, ((0, len(text)),), keep, merged)
