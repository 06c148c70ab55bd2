"""Decoder language models: log-likelihood of options and texts, free text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from auditkit.models.adapter import Encoded, View
from auditkit.models.causal.generation import generate
from auditkit.models.causal.scoring import CausalScorer
from auditkit.models.causal.tokens import CausalEncoder
from auditkit.models.causal.view import CausalView
from auditkit.models.tokens.options import LIKELIHOODS, WRITTEN, option_output
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output, Request, Subject


class CausalAdapter:
    """Answers with a transformers `...ForCausalLM`."""

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Bind a loaded decoder; nothing is computed yet."""
        self.checkpoint = checkpoint
        self.encoder = CausalEncoder(checkpoint)

    @property
    def subject(self) -> Subject:
        """Which model this is."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {
            "choose": (*LIKELIHOODS, "letter"), "compare": ("loglikelihood",), "classify": (*LIKELIHOODS, "letter"),
            **WRITTEN,
        }

    @cached_property
    def scorer(self) -> CausalScorer:
        """Checked against the model's own full forward on first use."""
        return CausalScorer(self.checkpoint)

    @property
    def shares_beginnings(self) -> bool:
        """Whether this model takes a tree of texts; it is tried on first use."""
        return self.scorer.tree

    @property
    def execution(self) -> str:
        """How texts are read, once they were."""
        return self.scorer.execution if "scorer" in self.__dict__ else ""

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise requests, in order; see `CausalEncoder`."""
        if self.checkpoint.chat:
            return _by_mode(requests, self.encoder, self._plain)
        return self.encoder.encode(requests)

    @cached_property
    def _plain(self) -> CausalEncoder:
        encoder = CausalEncoder(self.checkpoint)
        encoder.chat = False
        return encoder

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order.

        Raises:
            MeasurementError: a text does not fit into memory.
        """
        import torch

        with torch.inference_mode():
            written = generate(
                self.checkpoint, self.scorer.head,
                [encoded for encoded in batch if encoded.request.generation is not None],
            )
            scored = [
                sequence for encoded in batch if encoded.request.generation is None for sequence in encoded.sequences
            ]
            values = iter(self.scorer.logprobs(scored))
        for encoded in batch:
            if encoded.request.generation is not None:
                yield next(written)
            else:
                yield option_output(encoded, [next(values) for _ in encoded.sequences])

    def view(self, request: Request, option: int) -> View:
        """A differentiable view of one option's log-likelihood.

        Raises:
            MeasurementError: `generate` has no options.
        """
        encoder = self._plain if request.kind == "compare" else self.encoder
        return CausalView(self.checkpoint, encoder, self.scorer.head, request, option)


def _by_mode(requests: Sequence[Request], chat: CausalEncoder, plain: CausalEncoder) -> list[Encoded]:
    """Whole texts never go through the chat template."""
    prompts = iter(chat.encode([request for request in requests if request.kind != "compare"]))
    texts = iter(plain.encode([request for request in requests if request.kind == "compare"]))
    return [next(texts if request.kind == "compare" else prompts) for request in requests]
