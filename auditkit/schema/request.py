"""What a model is asked: model-independent text, options and generation parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from auditkit.schema.base import Record
from auditkit.schema.jcs import digest

RequestKind = Literal["choose", "compare", "generate", "classify", "tag", "extract", "embed"]


class Option(Record):
    """One continuation (`choose`) or one whole text (`compare`)."""

    text: str
    """The text. A continuation carries its own leading space."""
    spans: tuple[tuple[int, int], ...] = ()
    """Character ranges [start, end) whose tokens are scored; empty means all of the text.
    A `compare` request scores the words that its texts share, given those that differ."""


class Generation(Record):
    """How free text is decoded."""

    max_tokens: int = 64
    """Upper limit of new tokens."""
    temperature: float = 0.0
    """0 is greedy decoding."""
    stop: tuple[str, ...] = ()
    """Strings that end the text."""


class Request(Record):
    """One question to one model. Its hash covers exactly these fields, not the sample that asked."""

    role: str = "subject"
    """`subject`, or the name of a scorer."""
    kind: RequestKind
    """What is asked."""
    rule: str
    """How the answer is scored, chosen once for a benchmark and audit."""
    text: str = ""
    """The prompt: the user's turn where the model has a chat template."""
    text_pair: str = ""
    """The second text: the passage of `extract` (whose `text` is the question), or of a pair to `classify`."""
    words: tuple[str, ...] = ()
    """The words to `tag`, in order."""
    prefix: str = ""
    """What the assistant's turn begins with, e.g. `Answer:`; options or free text follow it."""
    options: tuple[Option, ...] = ()
    """The options, in the sample's order."""
    generation: Generation | None = None
    """Decoding parameters, for `generate`."""
    draw: int = 0
    """Repeats differ in this number, else de-duplication would make them one."""

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical form: the request's identity."""
        return digest(self)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, whose hash is computed anew: pydantic would carry the cached one along."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("sha256", None)
        return copy
