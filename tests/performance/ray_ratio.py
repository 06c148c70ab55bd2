"""Two one-thread workers on Ray against one one-thread worker, on a real model: one command, a few minutes.

    python tests/performance/ray_ratio.py [--rows 192] [--repeats 3] [--model smollm2]

Needs two idle cores. The requests are those of `stereotype-pairs`; journal and planner take part, the cache does not.
Starting Ray and opening the model are not counted: the clock runs from the first answer of a warm-up batch on each
worker to the last answer. Runs with one and with two workers take turns; the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from auditkit.load.packs import open_pack
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.load.sampling import limit
from auditkit.models.open import open_model
from auditkit.run.cluster import RayExecutor
from auditkit.run.executor import Answer, Batch
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Config, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.journal import Journal


class Timed:
    """An executor that warms its workers up first, and measures the rest."""

    def __init__(self, inner: RayExecutor, warm: list[Batch]) -> None:
        self.inner = inner
        self.warm = warm
        self.seconds = 0.0

    def run(self, batches: Iterable[Batch]) -> Iterator[Answer]:
        """Answers of the batches proper."""
        begun: list[float] = []
        left = {batch.number: len(batch.requests) for batch in self.warm}

        def all_batches() -> Iterator[Batch]:
            yield from self.warm
            yield from batches

        for answer in self.inner.run(all_batches()):
            if answer.batch in left:
                left[answer.batch] -= 1
                if not any(left.values()):
                    begun.append(time.perf_counter())
            else:
                yield answer
        self.seconds = time.perf_counter() - begun[0]


def measure(config: Config, requests: list[Request], workers: int, adapter: object) -> float:
    """Seconds of one run."""
    inner = RayExecutor(partial(open_model, config), adapter.subject, workers, 1, 600.0)  # type: ignore[attr-defined]
    # Enough for every worker to open its model before the clock runs: each takes one batch, and one waits behind it.
    warm = [
        Batch(-1 - at, (requests[0].model_copy(update={"draw": 10**6 + at}),)) for at in range(2 * workers)
    ]
    timed = Timed(inner, warm)
    once = deduplicate((str(at), request) for at, request in enumerate(requests))
    header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=inner.subject)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder, "journal.jsonl"), header) as journal:
        found = run_round(
            adapter, once.requests, once.askers, journal, None, batch_tokens=config.batch_tokens,  # type: ignore[arg-type]
            executor=timed,
        )
    assert found.errored == 0
    return timed.seconds


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=192)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", default="smollm2")
    given = parser.parse_args()
    config = Config(model=given.model, device="cpu", threads=1, chat="never", batch_tokens=512)
    adapter = open_model(config)
    pack = open_pack("stereotype-pairs")
    rule = next(rule for rule in pack.card.rules if rule in adapter.rules["compare"])
    requests = build(pack.card, rule, limit(read_samples(pack), given.rows, 0))
    one: list[float] = []
    two: list[float] = []
    for repeat in range(given.repeats):
        for workers, times in ((1, one), (2, two)):
            times.append(measure(config, requests, workers, adapter))
            print(f"repeat {repeat + 1}: {workers} worker(s): {times[-1]:.1f} s", flush=True)
    ratio = statistics.median(one) / statistics.median(two)
    print(f"{len(requests)} requests, {os.cpu_count()} cores: two workers are {ratio:.2f} times as fast as one")


if __name__ == "__main__":
    main()
