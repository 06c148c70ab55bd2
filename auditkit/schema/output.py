"""The record of one request's answer."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import model_validator

from auditkit.schema.answer import Answer, AnswerPart, AnswerReading, FreeText
from auditkit.schema.base import Record
from auditkit.schema.thinking import parted


class Output(Record):
    """The answer to one request, or the error in its place."""

    request: str
    """sha256 of the request."""
    rule: str
    """The request's rule, by which the answer is read."""
    answer: Answer | None = None
    """What the model answered; absent where it errored."""
    input_sha256: str | None = None
    """Hash of the final input ids, special tokens and chat template included."""
    truncated: int = 0
    """Tokens dropped because the input exceeded the model's window: a prompt's on the left, a classified text's or an
    encoder-decoder's source at its end, a pair's of the longer text. Where a server cut the prompt and does not say how
    much, what is known at least."""
    cut_allowed: bool = False
    """Whether the pack's card lets an answer count though the prompt was cut (`allow_cut`)."""
    finish_reason: str | None = None
    """Why generation ended: stop, length, refusal …"""
    prompt_tokens: int = 0
    """Tokens read."""
    completion_tokens: int = 0
    """Tokens written."""
    error: str | None = None
    """What went wrong."""

    @model_validator(mode="after")
    def _answer_or_error(self) -> Output:
        if (self.answer is None) is (self.error is None):
            raise ValueError("an output has either an answer or an error")
        return self

    @property
    def text(self) -> str | None:
        """What the model wrote, without a block of thought before it (`schema/thinking.py`); `None` for every other
        kind of answer."""
        return parted(self.answer.text).answer if isinstance(self.answer, FreeText) else None

    @property
    def cut(self) -> bool:
        """Whether the model did not read all that it was asked, and the answer does not count for that; or whether its
        text ends inside a block of thought, so that there is no answer."""
        if isinstance(self.answer, FreeText) and not parted(self.answer.text).closed:
            return True
        return self.truncated > 0 and not self.cut_allowed

    def shown(self) -> tuple[AnswerPart, ...]:
        """The answer as data to show; nothing where it errored."""
        return () if self.answer is None else self.answer.shown(self.rule)

    def hidden(self) -> Output:
        """The same output with the hashes of the answer's texts in their place."""
        return self if self.answer is None else self.model_copy(update={"answer": self.answer.hidden()})

    def read(self, labels: Sequence[str]) -> AnswerReading | None:
        """Which choice the answer names, by the labels of its sample's choices; `None` for a text."""
        if self.answer is None:
            return AnswerReading(reason="errored")
        return AnswerReading(reason="cut") if self.cut else self.answer.read(labels, self.rule)
