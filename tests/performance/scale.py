"""Planner and journal at scale, without a model: seconds and memory a request, at growing sizes.

    python tests/performance/scale.py [--plan 100000 300000 1000000] [--journal 100000 300000] [--index …]

Linear means that the figures for one request stay the same from size to size, flat that the MiB do.
The plan is made of short requests of which ten share a beginning; the journal gets requests of 200 characters with
three options and their answers, in batches of 64, each one write and one fsync; it is then read, and a thousand of its
requests and answers are looked up. `--index` fills the index of a journal alone, for journals that would take too long.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.run.plan import Cost, Planner, cost
from auditkit.schema import Option, OptionScore, OptionScores, Output, Request
from auditkit.store.index import Index
from auditkit.store.journal import Journal, read_journal
from auditkit.store.lines import output_entry, request_entry

BATCH = 64


def peak() -> int:
    """Most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def costs(count: int) -> Iterator[Cost]:
    """Costs of short requests; ten share a beginning of 24 tokens. One request object at a time is alive."""
    for number in range(count):
        request = Request.model_construct(kind="choose", rule="loglikelihood", text=f"{number}")
        ids = (*(number // 10 * 7 + place for place in range(24)), *range(number % 10 + 2))
        yield cost(Encoded(request, (TokenSequence(ids, (len(ids) - 1,)),)), shared=True)


def plan(count: int) -> str:
    """One line of the table of plans."""
    begun, before = time.process_time(), peak()
    with tempfile.TemporaryDirectory() as folder:
        planner = Planner(batch_tokens=2048, folder=Path(folder))
        for place, item in enumerate(costs(count)):
            planner.add(item, place)
        listed, held = time.process_time(), peak()
        made = planner.plan()
        planned = time.process_time()
        assert made.requests == count
        assert sum(1 for batch in made.batches() for _ in batch) == count
        read = time.process_time()
    return (
        f"| {count:,} | {len(made):,} | {1e6 * (listed - begun) / count:.1f} | {1e6 * (planned - listed) / count:.1f} "
        f"| {1e6 * (read - planned) / count:.1f} | {(held - before) / 2**20:.0f} | {(peak() - before) / 2**20:.0f} |"
    )


def record(number: int) -> tuple[Request, Output]:
    """A request and its answer."""
    options = tuple(Option(text=f" option {each} of {number}") for each in range(3))
    request = Request(kind="choose", rule="loglikelihood", text=f"{number} " + "context " * 25, options=options)
    logprobs = [(-1.0, -1.0, -1.0, -0.25 - each) for each in range(3)]
    scores = tuple(OptionScore(sum=sum(one), tokens=4, bytes=12, logprobs=one) for one in logprobs)
    answer = OptionScores(options=scores)
    return request, Output(request=request.sha256, rule=request.rule, answer=answer, prompt_tokens=40)


def journal(count: int, folder: Path) -> str:
    """One line of the table of journals."""
    path = folder / "journal.jsonl"
    before, begun, cpu = peak(), time.perf_counter(), time.process_time()
    with Journal.open(path, {"scale": count}) as written:
        for start in range(0, count, BATCH):
            batch = [record(number) for number in range(start, min(start + BATCH, count))]
            written.append([request_entry(request, (f"s/{request.sha256[:9]}",)) for request, _ in batch])
            written.append([output_entry(output, seconds=0.01, cached=False) for _, output in batch])
    wall, spent, held = time.perf_counter() - begun, time.process_time() - cpu, peak()
    cpu = time.process_time()
    found = read_journal(path)
    read = time.process_time() - cpu
    assert len(found.outputs) == count
    wanted = [record(number) for number in range(0, count, count // 1000)]
    cpu = time.process_time()
    assert all(found.requests[request.sha256] == request for request, _ in wanted)
    assert all(found.outputs[output.request] == output for _, output in wanted)
    looked = time.process_time() - cpu
    return (
        f"| {count:,} | {path.stat().st_size / count:.0f} | {1e6 * spent / count:.0f} | {1e6 * wall / count:.0f} | "
        f"{1e6 * read / count:.0f} | {1e6 * looked / len(wanted):.0f} | {(held - before) / 2**20:.0f} | "
        f"{(peak() - before) / 2**20:.0f} |"
    )


def name(number: int) -> str:
    """A sha256."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def index(count: int, folder: Path) -> str:
    """One line of the table of indexes: the lines of so many requests and answers, without the lines themselves."""
    before, cpu = peak(), time.process_time()
    requests, outputs = Index(folder), Index(folder)
    for number in range(count):
        requests.add(name(number), number * 500, 2 * number)
    for number in range(count):
        outputs.add(name(number), (count + number) * 500, 2 * (count + number))
    frozen = outputs.frozen()
    spent, cpu = time.process_time() - cpu, time.process_time()
    assert requests.frozen().find(name(count - 1)) == [((count - 1) * 500, 2 * (count - 1))]
    for number in range(0, count, count // 1000):
        assert frozen.find(name(number))
    found, cpu = time.process_time() - cpu, time.process_time()
    assert frozen.distinct == count
    counted = time.process_time() - cpu
    return (
        f"| {count:,} | {1e6 * spent / count:.1f} | {1e3 * found:.0f} | {1e6 * counted / count:.2f} "
        f"| {(peak() - before) / 2**20:.0f} |"
    )


def main() -> None:
    """Print both tables; each size in a process of its own, since a peak never falls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=int, nargs="*", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--journal", type=int, nargs="*", default=[100_000, 300_000])
    parser.add_argument("--index", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--one", choices=["plan", "journal", "index"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one == "plan":
        print(plan(given.plan[0]))
    elif given.one == "index":
        with tempfile.TemporaryDirectory() as folder:
            print(index(given.index[0], Path(folder)))
    elif given.one == "journal":
        with tempfile.TemporaryDirectory() as folder:
            print(journal(given.journal[0], Path(folder)))
    else:
        print("| requests | batches | add, CPU µs each | plan, µs each | read, µs each | added, MiB | peak, MiB |")
        print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
        for size in given.plan:
            subprocess.run([sys.executable, __file__, "--one", "plan", "--plan", str(size)], check=True)
        print(
            "\n| requests | bytes each | append, CPU µs each | append, wall µs | read, µs | look up both, µs "
            "| appended, MiB | peak, MiB |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
        for size in given.journal:
            subprocess.run([sys.executable, __file__, "--one", "journal", "--journal", str(size)], check=True)
        print("\n| requests and answers | add both, CPU µs each | find, µs each | count, µs each | peak, MiB |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        for size in given.index:
            subprocess.run([sys.executable, __file__, "--one", "index", "--index", str(size)], check=True)


if __name__ == "__main__":
    main()
