"""Decoder language models: log-likelihood of options and texts, free text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from auditkit.models.adapter import Encoded, View
from auditkit.models.causal.generation import generate
from auditkit.models.causal.scoring import CausalScorer
from auditkit.models.tokens.encoding import CausalEncoder
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Option, OptionScore, OptionScores, Output, Request, Subject, digest

LIKELIHOODS = ("loglikelihood", "loglikelihood_per_token", "loglikelihood_per_byte")


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
            "choose": (*LIKELIHOODS, "letter"), "compare": ("loglikelihood",), "generate": ("text",),
            "classify": (*LIKELIHOODS, "letter"), "tag": ("text",), "extract": ("text",),
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
                self.checkpoint, self.scorer.head, [each for each in batch if each.request.generation is not None]
            )
            scored = [sequence for each in batch if each.request.generation is None for sequence in each.sequences]
            values = iter(self.scorer.logprobs(scored))
        for each in batch:
            if each.request.generation is not None:
                yield next(written)
            else:
                yield option_output(each, [next(values) for _ in each.sequences])

    def view(self, request: Request, option: int) -> View:
        """A differentiable view of one option's log-likelihood.

        Raises:
            MeasurementError: `generate` has no options.
        """
        from auditkit.models.causal.view import CausalView

        encoder = self._plain if request.kind == "compare" else self.encoder
        return CausalView(self.checkpoint, encoder, self.scorer.head, request, option)


def _by_mode(requests: Sequence[Request], chat: CausalEncoder, plain: CausalEncoder) -> list[Encoded]:
    """Whole texts never go through the chat template."""
    spoken = iter(chat.encode([request for request in requests if request.kind != "compare"]))
    whole = iter(plain.encode([request for request in requests if request.kind == "compare"]))
    return [next(whole if request.kind == "compare" else spoken) for request in requests]


def scored_bytes(request: Request, option: Option) -> int:
    """UTF-8 bytes of what is scored, at least 1: an option without its leading space (lm-eval's acc_norm counts
    the choice without delimiter), the spans of a whole text, or all of it."""
    if request.kind != "compare":
        text = option.text.lstrip(" ")
    else:
        text = "".join(option.text[start:end] for start, end in option.spans) or option.text
    return max(1, len(text.encode("utf-8", "replace")))


def option_output(encoded: Encoded, values: Sequence[np.ndarray]) -> Output:
    """Scores of a request's options; a value that is no finite number makes the request an error."""
    request = encoded.request
    ids_hash = digest([list(sequence.ids) for sequence in encoded.sequences])
    if not all(np.isfinite(row).all() for row in values):
        return Output(
            request=request.sha256, rule=request.rule, input_sha256=ids_hash, truncated=encoded.truncated,
            prompt_tokens=encoded.tokens,
            error="the model gave a log-probability that is no finite number; use dtype: float32",
        )
    options = tuple(
        OptionScore(
            sum=math.fsum(row),
            tokens=len(row),
            bytes=scored_bytes(request, option),
            logprobs=tuple(float(value) for value in row),
            merged=merged,
        )
        for option, row, merged in zip(request.options, values, encoded.merged, strict=True)
    )
    return Output(
        request=request.sha256, rule=request.rule, answer=OptionScores(options=options), input_sha256=ids_hash,
        truncated=encoded.truncated, prompt_tokens=encoded.tokens,
    )
