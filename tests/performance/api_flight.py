"""Requests a second of one stream over all batches against draining each batch, both journalled, on a loopback server with random latencies: `python tests/performance/api_flight.py [--concurrency 16]`, under a minute; prints the ratio of medians."""  # noqa: E501 (the one line)

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import NormalDist

from auditkit.models.adapter import Adapter
from auditkit.models.open import open_model
from auditkit.run.executor import Executor, FlightExecutor, LocalExecutor
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Api, Config, Generation, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.journal import Journal

MEDIAN = 0.05
"""Seconds of the median latency."""


def latency(body: bytes, seed: int, sigma: float) -> float:
    """Seconds, lognormal, the same for the same request in every run."""
    share = (int(hashlib.sha256(b"%d" % seed + body).hexdigest()[:12], 16) + 0.5) / 16**12
    return MEDIAN * math.exp(sigma * NormalDist().inv_cdf(share))


async def serve(seed: int, sigma: float) -> None:
    """Answer chats on a free port, which is printed, until standard input ends."""
    choice = {"message": {"role": "assistant", "content": "A"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    reply = json.dumps({"model": "toy", "choices": [choice], "usage": usage}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                return
            size = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await asyncio.sleep(latency(await reader.readexactly(size), seed, sigma))
            writer.write(answer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def server(seed: int, sigma: float) -> Iterator[str]:
    """Base URL of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--seed", str(seed), "--sigma", str(sigma)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.stdin.close()
        process.wait(10)


def rate(adapter: Adapter, executor: Executor, requests: list[Request]) -> float:
    """Requests a second of one round, with its journal and without a cache."""
    once = deduplicate((f"pack/{at}", request) for at, request in enumerate(requests))
    header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder, "journal.jsonl"), header) as journal:
        found = run_round(
            adapter, once.requests, once.askers, journal, None, batch_tokens=1, executor=executor,  # type: ignore[arg-type]
        )
    assert (found.errored, len(found.outputs)) == (0, len(requests))
    return len(requests) / found.seconds


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=640)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sigma", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.seed, given.sigma))
        return
    generation = Generation(max_tokens=4)
    requests = [
        Request(kind="generate", rule="text", text=f"question {at}", generation=generation)
        for at in range(given.requests)
    ]
    rates: dict[str, list[float]] = {"one stream": [], "batch by batch": []}
    with server(given.seed, given.sigma) as url:
        config = Config(model=f"openai:toy@{url}", chat="always", api=Api(concurrency=given.concurrency))
        adapter = open_model(config)
        executors: dict[str, Executor] = {
            "one stream": FlightExecutor(adapter), "batch by batch": LocalExecutor(adapter),  # type: ignore[arg-type]
        }
        for repeat in range(given.repeats):
            for name, executor in executors.items():
                rates[name].append(rate(adapter, executor, requests))
                print(f"repeat {repeat + 1}: {name}: {rates[name][-1]:.0f} requests/s", flush=True)
    stream, batches = (statistics.median(each) for each in rates.values())
    pairs = [one / other for one, other in zip(*rates.values(), strict=True)]
    print(
        f"{given.requests} requests, {given.concurrency} in the air, lognormal latencies (median {1000 * MEDIAN:.0f} "
        f"ms, sigma {given.sigma}): {stream:.0f} requests/s in one stream, {batches:.0f} batch by batch, "
        f"ratio {stream / batches:.2f} ({min(pairs):.2f} to {max(pairs):.2f})"
    )


if __name__ == "__main__":
    main()
