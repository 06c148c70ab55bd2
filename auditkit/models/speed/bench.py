"""How fast this machine computes, and what a lower precision changes: measured, not looked up."""

from __future__ import annotations

import copy
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Adapter
from auditkit.models.tokens.batches import group_by_length, right_padded
from auditkit.schema import OptionScore, OptionScores, Output, Request

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
    """What can be tried on this machine, the reference (float32 on the CPU) first."""
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
        """Seconds of so many products of each shape."""
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
class TimedAnswers:
    """What a model answered, and how fast."""

    seconds: float
    """Wall time of all requests, the better of two runs."""
    tokens: int
    """Tokens read, as if nothing were shared but an option's context."""
    outputs: tuple[Output, ...]


def answer(adapter: Adapter, requests: Sequence[Request]) -> TimedAnswers:
    """Answer requests twice, after a first few that are not counted."""
    list(adapter.execute(adapter.encode(requests[:2])))
    seconds: list[float] = []
    for _ in range(2):
        begun = time.perf_counter()
        batch = adapter.encode(requests)
        outputs = tuple(adapter.execute(batch))
        seconds.append(time.perf_counter() - begun)
    return TimedAnswers(min(seconds), sum(encoded.tokens for encoded in batch), outputs)


@dataclass(frozen=True)
class Difference:
    """How far answers are from those of the reference."""

    largest: float
    """Largest difference of an option's log-likelihood, in nats a token; infinite where an answer is missing."""
    median: float
    same: float
    """Share of requests whose likeliest option is the same."""


def _gap(reference: OptionScore, other: OptionScore) -> float:
    """Difference of two scores of one option, in nats a token of the reference; infinite without tokens."""
    return abs(reference.sum - other.sum) / reference.tokens if reference.tokens else float("inf")


def difference(reference: Sequence[Output], others: Sequence[Output]) -> Difference:
    """Compare answers option by option."""
    gaps: list[float] = []
    same = 0
    for expected, output in zip(reference, others, strict=True):
        if not isinstance(expected.answer, OptionScores) or not isinstance(output.answer, OptionScores):
            gaps.append(float("inf"))
            continue
        left, right = expected.answer.options, output.answer.options
        gaps += [_gap(a, b) for a, b in zip(left, right, strict=True)]
        same += int(np.argmax([option.sum for option in left]) == np.argmax([option.sum for option in right]))
    return Difference(max(gaps), statistics.median(gaps), same / len(reference))


@dataclass(frozen=True)
class CompileTimes:
    """One forward pass of a model's body as it is, and compiled by `torch.compile` for that very shape.

    Audits run no compiled model: on a CPU, where matrix products take most of the time, a MiniLM's pass took 1.05 times
    as long after 78 s of compiling, and each further shape of a batch is compiled anew.
    """

    plain: float
    """Seconds, the median of 5."""
    compiled: float
    """Likewise."""
    compiling: float
    """Seconds of the first compiled pass, without torch's cache of earlier ones."""

    def pays_after(self, seconds: float) -> int | None:
        """Requests that must be asked before compiling is worth it, `None` where it never is.

        Args:
            seconds: of one request; all of it is taken to become faster as the body does, which favours compiling.
        """
        saved = seconds * (1 - self.compiled / self.plain)
        return math.ceil(self.compiling / saved) if saved > 0 else None


def compare_compiled(adapter: Any, requests: Sequence[Request]) -> CompileTimes:
    """Time a local model's body, plain and compiled, on a batch of requests of middle length, at most `ROWS` tokens.

    Args:
        adapter: with a `checkpoint`.
        requests: that the adapter answers.

    Raises:
        MeasurementError: it cannot be compiled on this machine; says why in one line.
    """
    import torch

    checkpoint = adapter.checkpoint
    sequences = [sequence for encoded in adapter.encode(requests) for sequence in encoded.sequences]
    texts = dict.fromkeys(sequence.ids[: sequence.source or None] for sequence in sequences)
    groups = list(group_by_length(list(texts), ROWS))
    inputs: dict[str, Any] = right_padded(groups[len(groups) // 2], checkpoint, positions=False)
    model = checkpoint.model
    body = model.get_encoder() if adapter.subject.kind == "seq2seq" else model.base_model
    if adapter.subject.kind == "causal":
        inputs["use_cache"] = False
    with torch.inference_mode():
        plain = _median(lambda: body(**inputs), checkpoint.device.type)
    with _empty_compiler_cache(), torch.no_grad():
        try:
            compiled = torch.compile(_without_packing(body), dynamic=False)
            begun = time.perf_counter()
            compiled(**inputs)
            compiling = time.perf_counter() - begun
            return CompileTimes(plain, _median(lambda: compiled(**inputs), checkpoint.device.type), compiling)
        except Exception as error:  # dynamo, inductor and each back end raise their own
            raise MeasurementError(_reason(error)) from error
        finally:
            torch.compiler.reset()


def _reason(error: Exception) -> str:
    """Why compiling failed, in one line."""
    text = f"{type(error).__name__}: {error}"
    if "InvalidCxxCompiler" in text or "No working C++ compiler" in text:
        return "there is no working C++ compiler (g++, or what CXX names)"
    return " ".join(text.split())[:200]


def _median(run: Callable[[], Any], device: str) -> float:
    """Seconds of a run, the median of 5 after one that is not counted."""
    import torch

    seconds = []
    for _ in range(6):
        begun = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        elif device == "mps":
            torch.mps.synchronize()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def _without_packing(body: Any) -> Any:
    """A copy with torch's own linear layers, which the compiler can read."""
    import torch

    from auditkit.models.speed.packed import PackedLinear

    plain = copy.deepcopy(body)
    for module in plain.modules():
        if isinstance(module, PackedLinear):
            module.__class__ = torch.nn.Linear
    return plain


@contextmanager
def _empty_compiler_cache() -> Iterator[None]:
    """While open, the compiler starts from an empty cache, which is removed afterwards."""
    name = "TORCHINDUCTOR_CACHE_DIR"
    before = os.environ.get(name)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
