"""What a model answered."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from auditkit.schema.base import Record, repair


class OptionScore(Record):
    """Log-likelihood of the scored tokens of one option."""

    sum: float
    """Sum of the log-probabilities (nats, at most 0), accumulated in float64."""
    tokens: int
    """Number of scored tokens."""
    bytes: int
    """UTF-8 bytes of the scored text."""
    logprobs: tuple[float, ...] = ()
    """Log-probability of each scored token, in order."""
    merged: bool = False
    """True where the tokenizer merged the boundary between context and option."""


class Output(Record):
    """The answer to one request. Absent values are absent: never 0, never NaN."""

    request: str
    """sha256 of the request."""
    rule: str
    """The request's rule, by which the answer is read."""
    text: str | None = None
    """Free text."""
    options: tuple[OptionScore, ...] | None = None
    """One score an option, in the request's order."""
    probabilities: dict[str, float] | None = None
    """Class label to probability, for classifiers."""
    input_sha256: str | None = None
    """Hash of the final input ids, special tokens and chat template included."""
    truncated: int = 0
    """Tokens dropped on the left because the input exceeded the model's window."""
    finish_reason: str | None = None
    """Why generation ended: stop, length, refusal …"""
    prompt_tokens: int = 0
    """Tokens read."""
    completion_tokens: int = 0
    """Tokens written."""
    repaired: bool = False
    """True where the text held lone surrogates, replaced by U+FFFD."""
    error: str | None = None
    """What went wrong; then every value is absent."""

    @model_validator(mode="before")
    @classmethod
    def _repair(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("text"), str):
            text, repaired = repair(data["text"])
            if repaired:
                return {**data, "text": text, "repaired": True}
        return data
