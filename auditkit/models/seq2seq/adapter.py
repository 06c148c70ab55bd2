"""Encoder-decoder models (T5, BART, Marian, M2M100, NLLB, mBART …): likelihood of options and texts, free text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from auditkit.errors import ModelError
from auditkit.models.adapter import Encoded
from auditkit.models.seq2seq.generation import Writer
from auditkit.models.seq2seq.halves import Halves
from auditkit.models.seq2seq.scoring import Seq2SeqScorer
from auditkit.models.seq2seq.tokens import Seq2SeqEncoder
from auditkit.models.tokens.options import LIKELIHOODS, WRITTEN, option_output
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output, Request, Subject


class Seq2SeqAdapter:
    """Answers with a transformers `...ForConditionalGeneration`."""

    cacheable = True
    shares_beginnings = True
    """Requests with one prompt stay together: the encoder reads it once a batch."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind a loaded encoder-decoder; nothing is computed yet.

        Raises:
            ModelError: it was opened without the beginning of its target.
        """
        if checkpoint.target is None:
            raise ModelError(f"{checkpoint.subject.name}: opened without its target's beginning; use open_model")
        self.checkpoint = checkpoint
        self.encoder = Seq2SeqEncoder(checkpoint, checkpoint.target)

    @property
    def subject(self) -> Subject:
        """Which model this is."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered; whole texts need a tokenizer that says where its tokens lie."""
        offered: dict[str, tuple[str, ...]] = {
            "choose": (*LIKELIHOODS, "letter"), "classify": (*LIKELIHOODS, "letter"), **WRITTEN,
        }
        if getattr(self.checkpoint.tokenizer, "is_fast", False):
            offered["compare"] = ("loglikelihood",)
        return offered

    @cached_property
    def halves(self) -> Halves:
        """Checked against the model's own full forward on first use."""
        return Halves(self.checkpoint)

    @cached_property
    def scorer(self) -> Seq2SeqScorer:
        """Checked likewise."""
        return Seq2SeqScorer(self.checkpoint, self.halves)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self.checkpoint, self.halves)

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise requests, in order; see `Seq2SeqEncoder`."""
        return self.encoder.encode(requests)

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order.

        Raises:
            MeasurementError: a text does not fit into memory.
        """
        import torch

        with torch.inference_mode():
            written = self._writer.generate([encoded for encoded in batch if encoded.request.generation is not None])
            scored = [
                sequence for encoded in batch if encoded.request.generation is None for sequence in encoded.sequences
            ]
            values = iter(self.scorer.logprobs(scored))
        for encoded in batch:
            if encoded.request.generation is not None:
                yield next(written)
            else:
                yield option_output(encoded, [next(values) for _ in encoded.sequences])
