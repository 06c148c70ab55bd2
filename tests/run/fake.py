"""A model made of hashes, and a child process that audits it until it is killed.

Its scores depend, far below float tolerance, on who shares the batch: equal to the last bit means the same batches.
Run as a script: `fake.py FOLDER POINT COUNT`, see `main`.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.run.runner import Round, UniqueRequests, deduplicate, run_round
from auditkit.schema import (
    Config,
    FreeText,
    Generation,
    Option,
    OptionScore,
    OptionScores,
    Output,
    Policy,
    Request,
    Subject,
)
from auditkit.schema.event import ignore
from auditkit.schema.journal import Header
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal

HEADER = Header(
    config=Config(model="fake"), policy=Policy(name="none", checks=()),
    subject=Subject(name="fake", kind="causal", fingerprint="1" * 64),
)
BATCH_TOKENS = 60


class FakeAdapter:
    """Tokens are characters; a text that holds a word of `faults` raises when it is asked."""

    def __init__(self, *, fingerprint: str = "1" * 64, tokens: bool = True, kind: str = "causal") -> None:
        self.subject = Subject(name="fake", kind=kind, fingerprint=fingerprint)
        self.rules: Mapping[str, tuple[str, ...]] = {"choose": ("loglikelihood",), "generate": ("text",)}
        self.cacheable = True
        self.batches: list[list[str]] = []
        self._tokens = tokens

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Characters as tokens."""
        for request in requests:
            if "no-encoding" in request.text:
                raise MeasurementError("cannot be encoded")
        return [Encoded(request, self._sequences(request) if self._tokens else ()) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Scores from hashes."""
        self.batches.append([item.request.text for item in batch])
        company = number(" ".join(item.request.sha256 for item in batch))
        for item in batch:
            request = item.request
            if "boom" in request.text:
                raise ValueError(f"boom in\n {Path(__file__).resolve()} at {object()!r}")
            if "interrupt" in request.text:
                raise KeyboardInterrupt
            if "wrong" in request.text:
                yield Output(request="0" * 64, rule="text", answer=FreeText(text="of another"))
            if "silent" in request.text:
                return
            value = -number(self.subject.fingerprint + request.sha256) - company * 1e-12
            score = OptionScore(sum=value, tokens=1, bytes=1, logprobs=(value,))
            yield Output(
                request=request.sha256, rule=request.rule, answer=OptionScores(options=(score,)),
                prompt_tokens=item.tokens, completion_tokens=0,
            )

    def _sequences(self, request: Request) -> tuple[TokenSequence, ...]:
        texts = [request.text + option.text for option in request.options] or [request.text]
        return tuple(TokenSequence(tuple(ord(letter) for letter in text), (len(text) - 1,)) for text in texts)


def number(text: str) -> float:
    """A number in [0, 1) from a text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12


def choose(text: str) -> Request:
    """A request with two options."""
    return Request(kind="choose", rule="loglikelihood", text=text, options=(Option(text=" a"), Option(text=" b")))


def generate(text: str) -> Request:
    """A request for text."""
    return Request(kind="generate", rule="text", text=text, generation=Generation(max_tokens=5))


def questions() -> UniqueRequests:
    """40 samples, of which two share a request, two fail, and one cannot be encoded."""
    asked = [(f"pack/{n}", choose(f"question {n} {'x' * (n * 7 % 30)}")) for n in range(36)]
    asked += [("pack/again", choose("question 3 " + "x" * 21)), ("pack/boom", choose("boom"))]
    asked += [("pack/boom2", choose("boom 2")), ("pack/none", choose("no-encoding")), ("pack/g", generate("g"))]
    return deduplicate(asked)


def audit(folder: Path, adapter: FakeAdapter, **settings: object) -> Round:
    """One round in a run folder, with a cache beside it."""
    asked = questions()
    journal = Journal.open(folder / "journal.jsonl", HEADER, settings.get("on_event", ignore))  # type: ignore[arg-type]
    with journal, AnswerCache.open(folder / "answers.sqlite") as cache:
        given: dict[str, object] = {"batch_tokens": BATCH_TOKENS, **settings}
        return run_round(
            adapter, asked.requests, asked.askers, journal, cache, **given,  # type: ignore[arg-type]
        )


def main() -> None:
    """Audit, and kill this process at the COUNT-th POINT.

    POINT is `write` (after half of the bytes of a journal write), `fsync` (before it), or `execute` (within a batch).
    """
    folder, point, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    original = FakeAdapter.execute if point == "execute" else getattr(os, point)

    def killing(*arguments: object) -> object:
        nonlocal left
        left -= 1
        if left == 0:
            if point == "write":
                original(arguments[0], bytes(arguments[1])[: len(bytes(arguments[1])) // 2])  # type: ignore[call-overload]
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    setattr(FakeAdapter if point == "execute" else os, point, killing)
    audit(folder, FakeAdapter())


if __name__ == "__main__":
    main()
