"""What a model costs to run, from the journal: observed, not part of an audit's identity."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable

from auditkit.models.adapter import Adapter
from auditkit.models.device import peak_device_bytes
from auditkit.models.families import answers_by_sample
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Api, Efficiency, Output
from auditkit.store.records import JournalRecords


def efficiency(
    adapter: Adapter, load_seconds: float | None, records: JournalRecords, api: Api
) -> Efficiency | None:
    """Size, speed and price of a model; `None` where no model ran.

    Args:
        adapter: the model.
        load_seconds: what opening it took.
        records: the journal: answers from the cache are left out.
        api: holds the prices.
    """
    kind = adapter.subject.kind
    if answers_by_sample(kind):
        return None
    answers = [
        output for sha, output in records.outputs.items() if sha not in records.from_cache and output.error is None
    ]
    read = sum(output.prompt_tokens for output in answers)
    written = sum(output.completion_tokens for output in answers)
    checkpoint = getattr(adapter, "checkpoint", None)
    return Efficiency(
        disk_bytes=checkpoint.disk_bytes if isinstance(checkpoint, Checkpoint) else None,
        peak_device_bytes=peak_device_bytes(),
        load_seconds=None if load_seconds is None else round(load_seconds, 3),
        answers=len(records.latencies), input_tokens=read, output_tokens=written,
        tokens_per_second=round((read + written) / records.seconds, 1) if records.seconds and read + written else None,
        latency=None if not records.latencies else "request" if kind == "api" else "batch",
        latency_median=round(statistics.median(records.latencies), 6) if records.latencies else None,
        latency_p95=_quantile(records.latencies, 0.95),
        price_input=api.price_per_million_input, price_output=api.price_per_million_output,
        cost=_cost(answers, api) if kind == "api" else None,
    )


def _quantile(values: Collection[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    return round(sorted(values)[math.ceil(share * len(values)) - 1], 6) if values else None


def _cost(answers: Iterable[Output], api: Api) -> float | None:
    """The price of all answers, in the prices' currency."""
    if api.price_per_million_input is None and api.price_per_million_output is None:
        return None
    total = 0.0
    for output in answers:
        if not output.prompt_tokens:  # every prompt has tokens: the endpoint did not count
            return None
        total += output.prompt_tokens * (api.price_per_million_input or 0.0)
        total += output.completion_tokens * (api.price_per_million_output or 0.0)
    return round(total / 1e6, 6)
