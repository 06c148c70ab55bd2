"""What language models offer: the rules of options and of texts, what counts of an option, the output of options."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded
from auditkit.schema import Option, OptionScore, OptionScores, Output, Request, digest

LIKELIHOODS = ("loglikelihood", "loglikelihood_per_token", "loglikelihood_per_byte")
"""Rules of models that read from left to right."""
WRITTEN = dict.fromkeys(("generate", "tag", "extract"), ("text",))
"""Request kinds that a model which writes text answers in text, to their rules."""
PSEUDO_LIKELIHOODS = ("pseudo_loglikelihood", "pseudo_loglikelihood_per_token", "pseudo_loglikelihood_per_byte")
"""Rules of masked models."""


def require_options(request: Request) -> tuple[Option, ...]:
    """The options of a request that must have some.

    Raises:
        MeasurementError: it has none, or an option is empty.
    """
    if not request.options or not all(option.text for option in request.options):
        raise MeasurementError(f"request {request.sha256[:12]}: `{request.kind}` needs options, none of them empty")
    if request.kind == "compare" and (request.text or request.prefix):
        raise MeasurementError(f"request {request.sha256[:12]}: `compare` scores whole texts and takes no prompt")
    return request.options


def scored_bytes(request: Request, option: Option) -> int:
    """UTF-8 bytes of what is scored, at least 1: an option without its leading space (lm-eval's acc_norm counts
    the choice without delimiter), the spans of a whole text, or all of it."""
    if request.kind != "compare":
        text = option.text.lstrip(" ")
    else:
        text = "".join(option.text[start:end] for start, end in option.spans) or option.text
    return max(1, len(text.encode("utf-8", "replace")))


def option_output(encoded: Encoded, values: Sequence[np.ndarray]) -> Output:
    """Scores of a request's options; a value that is not finite makes the request an error.

    Args:
        encoded: the request as it was read.
        values: of each option the log-probabilities (nats) of its scored tokens.
    """
    request = encoded.request
    ids_hash = digest([list(sequence.ids) for sequence in encoded.sequences])
    if not all(np.isfinite(row).all() for row in values):
        return Output(
            request=request.sha256, rule=request.rule, input_sha256=ids_hash, truncated=encoded.truncated,
            prompt_tokens=encoded.tokens,
            error="the model gave a log-probability that is not a finite number; use dtype: float32",
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
