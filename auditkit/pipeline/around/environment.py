"""What is observed beside the numbers: times, memory, host, libraries. No part of an audit's identity."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from auditkit.errors import PlatformError
from auditkit.models.adapter import Adapter, ExecutionReporter
from auditkit.registry import DISTRIBUTION
from auditkit.schema import Efficiency, Observed
from auditkit.store.records import JournalRecords

try:
    import resource
except ModuleNotFoundError as missing:
    raise PlatformError(missing.name) from None

LIBRARIES = ("auditkit", "torch", "transformers", "tokenizers", "captum", "fairlearn", "numpy", "scipy", "pandas")


@dataclass
class Clock:
    """Seconds of each stage."""

    stages: dict[str, float] = field(default_factory=dict)
    started: str = field(default_factory=lambda: _now())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = round(self.stages.get(name, 0.0) + time.perf_counter() - start, 3)


def environment() -> dict[str, str]:
    """Library to version, and the Python version and platform."""
    versions = {"python": platform.python_version(), "platform": f"{sys.platform}-{platform.machine()}"}
    for name in LIBRARIES:
        try:
            versions[name] = version(DISTRIBUTION if name == "auditkit" else name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def observe(
    clock: Clock, records: JournalRecords, adapter: Adapter, executor: str, cost: Efficiency | None = None,
    answers_before: int = 0,
) -> Observed:
    """What one command took, how the model read, what the journal says of its work, and what it costs to run."""
    reading = {"reading": adapter.execution} if isinstance(adapter, ExecutionReporter) and adapter.execution else {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    outputs = records.outputs.values()
    return Observed(
        started=clock.started, finished=_now(), seconds=round(sum(clock.stages.values()), 3), stages=clock.stages,
        peak_memory_bytes=peak, host={"cpus": str(os.cpu_count()), "machine": platform.machine(), **reading},
        executor=executor,
        requests=len(records.requests), cache_hits=records.cached, answers_before=answers_before,
        model_tokens=sum(output.prompt_tokens + output.completion_tokens for output in outputs),
        model_seconds=round(records.seconds, 3), efficiency=cost,
    )


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
