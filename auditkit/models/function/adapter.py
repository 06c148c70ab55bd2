"""Answers that a Python function gives to a list of texts."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from auditkit.errors import ModelError
from auditkit.models.adapter import Encoded
from auditkit.models.function.returned import Unusable, answer_of, items_of
from auditkit.models.tokens.encoding import plain_prompt
from auditkit.schema import Output, Request, Subject

_WITHOUT_PROMPT = ("probabilities", "number", "tags")
"""Rules under which the function gets the row's own text, without a prompt around it."""


class FunctionAdapter:
    """Answers by calling a function once a batch; nothing tells whether it is still the same tomorrow, so that its
    answers are kept in the run folder alone."""

    cacheable = False

    def __init__(self, subject: Subject, ask: Callable[[list[Any]], Any], classes: tuple[str, ...]) -> None:
        """Bind a function.

        Args:
            subject: which function.
            ask: called with a list of texts.
            classes: the classes that it declares, in the order of its probabilities; empty where it declares none.
        """
        self._subject = subject
        self._ask = ask
        self._classes = classes

    @property
    def subject(self) -> Subject:
        """Which function this is, its source included."""
        return self._subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {
            "classify": ("probabilities", "number"), "choose": ("letter",), "generate": ("text",), "tag": ("tags",),
            "extract": ("text",),
        }

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that every label a benchmark uses is a class that the function declares, where it declares any.

        Raises:
            ModelError: names the labels that are missing.
        """
        missing = sorted({*labels} - {*self._classes}) if self._classes else []
        if missing:
            raise ModelError(
                f'{self._subject.name} declares the classes {", ".join(self._classes)}, and not {", ".join(missing)}; '
                f"map them under labels: in the task"
            )

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Nothing to tokenise: batched by count."""
        return [Encoded(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch, in order. What cannot be an answer to one text is errored, for this text alone.

        Raises:
            ModelError: what the function returns is no list of as many answers as there were texts, or of no kind that
                can be read: no answer of it would mean anything.
            Exception: whatever the function raises; the texts are then asked one by one.
        """
        requests = [encoded.request for encoded in batch]
        with contextlib.redirect_stdout(sys.stderr):  # standard output is the audit's
            returned = self._ask([_given(request) for request in requests])
        items = items_of(returned, len(requests), self._subject.name)
        for request, item in zip(requests, items, strict=True):
            fields = {"request": request.sha256, "rule": request.rule}
            try:
                yield Output(**fields, answer=answer_of(item, request, self._classes, self._subject.name))
            except Unusable as error:
                yield Output(**fields, error=str(error)[:300])


def _given(request: Request) -> Any:
    """What the function gets for a request: a text, a pair of texts, or the words to tag."""
    if request.rule not in _WITHOUT_PROMPT:
        return plain_prompt(request)
    if request.kind == "tag":
        return list(request.words)
    return (request.text, request.text_pair) if request.text_pair else request.text
