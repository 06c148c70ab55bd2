"""How fast this machine computes, and what a lower precision changes: measured, not looked up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.models.adapter import Adapter
from auditkit.schema import Output, Request

ROWS = 512
"""Tokens of a forward pass on a CPU."""

_WIDTH, _WIDE = 768, 3072
_SECONDS = 0.25


@dataclass(frozen=True)
class Setting:
    """Where and in which number format."""

    device: str
    dtype: str


def settings() -> Iterator[Setting]:
    """What can be tried here, the reference (float32 on the CPU) first."""
    import torch

    yield Setting("cpu", "float32")
    yield Setting("cpu", "bfloat16")
    if torch.cuda.is_available():
        yield Setting("cuda", "float32")
        if torch.cuda.is_bf16_supported():
            yield Setting("cuda", "bfloat16")
        yield Setting("cuda", "float16")
    if torch.backends.mps.is_available():
        yield Setting("mps", "float32")
        yield Setting("mps", "float16")


def matrix_rate(setting: Setting) -> float:
    """Floating-point operations a second of matrix products of a transformer's shapes: the median of 5 rounds."""
    import torch

    dtype = getattr(torch, setting.dtype)
    shapes = ((_WIDTH, _WIDTH), (_WIDE, _WIDTH), (_WIDTH, _WIDE))
    pairs = [
        (torch.ones(ROWS, inner, dtype=dtype, device=setting.device),
         torch.ones(outer, inner, dtype=dtype, device=setting.device))
        for outer, inner in shapes
    ]
    work = sum(2.0 * ROWS * outer * inner for outer, inner in shapes)

    def round_of(times: int) -> float:
        begun = time.perf_counter()
        for _ in range(times):
            for rows, weight in pairs:
                torch.nn.functional.linear(rows, weight)
        if setting.device == "cuda":
            torch.cuda.synchronize()
        elif setting.device == "mps":
            torch.mps.synchronize()
        return time.perf_counter() - begun

    round_of(1)
    times = max(1, min(200, int(_SECONDS / max(round_of(1), 1e-6))))
    return statistics.median(work * times / round_of(times) for _ in range(5))


@dataclass(frozen=True)
class Answers:
    """What a model answered, and how fast."""

    seconds: float
    """Wall time of all requests, the better of two runs."""
    tokens: int
    """Tokens read, as if nothing were shared but an option's context."""
    outputs: tuple[Output, ...]


def answer(adapter: Adapter, requests: Sequence[Request]) -> Answers:
    """Answer requests twice, after a first few that are not counted."""
    list(adapter.execute(adapter.encode(requests[:2])))
    taken: list[float] = []
    for _ in range(2):
        begun = time.perf_counter()
        encoded = adapter.encode(requests)
        outputs = tuple(adapter.execute(encoded))
        taken.append(time.perf_counter() - begun)
    return Answers(min(taken), sum(each.tokens for each in encoded), outputs)


@dataclass(frozen=True)
class Difference:
    """How far answers are from those of the reference."""

    largest: float
    """Largest difference of an option's log-likelihood, in nats a token; infinite where an answer is missing."""
    median: float
    same: float
    """Share of requests whose likeliest option is the same."""


def difference(reference: Sequence[Output], others: Sequence[Output]) -> Difference:
    """Compare answers option by option."""
    gaps: list[float] = []
    same = 0
    for one, other in zip(reference, others, strict=True):
        if not one.options or not other.options:
            gaps.append(float("inf"))
            continue
        left, right = ([option.sum for option in output.options or ()] for output in (one, other))
        tokens = [max(1, option.tokens) for option in one.options]
        gaps += [abs(a - b) / count for a, b, count in zip(left, right, tokens, strict=True)]
        same += int(np.argmax(left) == np.argmax(right))
    return Difference(max(gaps), statistics.median(gaps), same / len(reference))
