"""What a model answered."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from auditkit.schema.base import Record, Text, repair


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


class Span(Record):
    """A stretch of the passage, or the answer that there is none."""

    text: Text
    """The words of the passage; empty where the model finds no answer."""
    start: int
    """First character in the passage; 0 where there is no answer."""
    end: int
    """One past the last character."""
    score: float | None = None
    """Score of the best span: sum of its start and end logits, best over the windows; absent where it is not known."""
    null_score: float | None = None
    """Score of `no answer`, where the model was trained to give one."""


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
    number: float | None = None
    """A regression's value, in the unit it was trained on."""
    tags: tuple[Text, ...] | None = None
    """One tag a word of the request, in order."""
    span: Span | None = None
    """The answer that was found in the passage."""
    vector: tuple[float, ...] | None = None
    """The embedding of the text."""
    similarities: tuple[float, ...] | None = None
    """Cosine of the text's embedding with each option's, in the request's order, −1 to 1."""
    input_sha256: str | None = None
    """Hash of the final input ids, special tokens and chat template included."""
    truncated: int = 0
    """Tokens dropped because the input exceeded the model's window: a prompt's on the left, a classified text's or an
    encoder-decoder's source at its end, a pair's of the longer text."""
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
