"""Planner and journal at scale, without a model: seconds and memory a request, at growing sizes.

    python tests/performance/scale.py [--plan 100000 1000000] [--journal 100000 1000000] [--audit 100000]

Linear means that the figures for one request stay the same from size to size.
The plan is made of short requests of which ten share a beginning; the journal gets requests of 200 characters with
three options and their answers, in batches of 64, each one write and one fsync; it is then read in another process,
and every hundredth of its requests and answers is looked up. The audit is a whole one: rows of a pack made for it, a
planted model, measurement, verdict and verification.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.run.plan import Cost, Planner, cost
from auditkit.schema import Config, Option, OptionScore, OptionScores, Output, Policy, Request, Subject
from auditkit.schema.journal import Header, OutputEntry, RequestEntry
from auditkit.store.journal import Journal, read_journal

BATCH = 64
HEADER = Header(
    config=Config(model="none"), policy=Policy(name="none", checks=()),
    subject=Subject(name="none", kind="causal", fingerprint="0" * 64),
)


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
    planner = Planner(batch_tokens=2048)
    for place, item in enumerate(costs(count)):
        planner.add(item, place)
    listed = time.process_time()
    planned = planner.plan()
    ended = time.process_time()
    assert planned.requests == count
    assert sum(1 for batch in planned.batches() for _ in batch) == count
    read = time.process_time()
    return (
        f"| {count:,} | {len(planned):,} | {1e6 * (listed - begun) / count:.1f} | {1e6 * (ended - listed) / count:.1f} "
        f"| {1e6 * (read - ended) / count:.1f} | {(peak() - before) / 2**20:.0f} |"
    )


def record(number: int) -> tuple[Request, Output]:
    """A request and its answer."""
    options = tuple(Option(text=f" option {option} of {number}") for option in range(3))
    request = Request(kind="choose", rule="loglikelihood", text=f"{number} " + "context " * 25, options=options)
    logprobs = [(-1.0625, -0.1234567890123456, -3.25e-05, -0.25 - option) for option in range(3)]
    scores = tuple(OptionScore(sum=sum(values), tokens=4, bytes=12, logprobs=values) for values in logprobs)
    answer = OptionScores(options=scores)
    return request, Output(request=request.sha256, rule=request.rule, answer=answer, prompt_tokens=40)


def journal(count: int, path: Path) -> str:
    """The first half of a line of the table of journals: it is written."""
    before, begun, cpu, made = peak(), time.perf_counter(), time.process_time(), 0.0
    with Journal.open(path, HEADER) as written:
        for start in range(0, count, BATCH):
            making = time.process_time()
            batch = [record(number) for number in range(start, min(start + BATCH, count))]
            made += time.process_time() - making
            written.append(RequestEntry(request=request, samples=(f"s/{request.sha256[:9]}",)) for request, _ in batch)
            written.append(OutputEntry(output=output, seconds=0.01, cached=False) for _, output in batch)
    wall, spent = time.perf_counter() - begun, time.process_time() - cpu - made
    return (
        f"| {count:,} | {path.stat().st_size / count:.0f} | {1e6 * spent / count:.0f} | {1e6 * wall / count:.0f} "
        f"| {(peak() - before) / 2**20:.0f} "
    )


def reading(count: int, path: Path) -> str:
    """The second half: it is read."""
    before, cpu = peak(), time.process_time()
    records = read_journal(path)
    read = time.process_time() - cpu
    assert len(records.outputs) == count
    held = peak() - before
    wanted = [record(number) for number in range(0, count, 100)]
    cpu = time.process_time()
    assert all(records.requests[request.sha256] == request for request, _ in wanted)
    assert all(records.outputs[output.request] == output for _, output in wanted)
    looked = time.process_time() - cpu
    return f"| {1e6 * read / count:.0f} | {1e6 * looked / len(wanted):.0f} | {held / 2**20:.0f} |"


def write_pack(count: int, folder: Path) -> None:
    """A pack of so many rows: the built-in claims, again and again with a number."""
    source = Path(__file__).resolve().parents[2] / "benchmarks" / "claims"
    rows = [json.loads(line) for line in (source / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            row, again = dict(rows[number % len(rows)]), number // len(rows)
            row["id"], row["origin"] = f"{row['id']}-{again}", f"{row['origin']}-{again}"
            row["input"] = {name: f"{text} ({again})" for name, text in row["input"].items()}
            row["clusters"] = {name: f"{cluster}-{again}" for name, cluster in row["clusters"].items()}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    card = (source / "card.yaml").read_text(encoding="utf-8").replace("name: claims", "name: many-claims")
    (folder / "card.yaml").write_text(card, encoding="utf-8")


def audit(count: int, folder: Path) -> str:
    """One line of the table of audits."""
    from auditkit.load.packs import seal
    from auditkit.pipeline.audit import run_audit
    from auditkit.pipeline.verify import verify
    from auditkit.schema import Explain

    write_pack(count, folder)
    seal(folder)
    before, begun = peak(), time.perf_counter()
    out = folder / "run"
    run_audit(Config(
        model="planted:random", packs=(str(folder),), out=str(out), explain=Explain(samples=0),
    ))
    audited, ended = peak(), time.perf_counter()
    verify(out)
    return (
        f"| {count:,} | {ended - begun:.0f} | {(audited - before) / 2**20:.0f} "
        f"| {time.perf_counter() - ended:.0f} | {(peak() - before) / 2**20:.0f} |"
    )


TABLES = {
    "plan": ("requests", "batches", "add, CPU µs each", "plan, µs each", "read, µs each", "peak, MiB"),
    "journal": (
        "requests", "bytes each", "append, CPU µs each", "wall µs each", "peak, MiB", "read, CPU µs each",
        "look up both, µs", "peak, MiB",
    ),
    "audit": ("rows", "audit, s", "peak, MiB", "verify, s", "peak of both, MiB"),
}


def child(part: str, size: int, folder: str) -> str:
    """A part of a line, from a process of its own: a peak never falls."""
    command = [sys.executable, __file__, "--part", part, str(size), folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in TABLES:
        parser.add_argument(f"--{name}", type=int, nargs="*", default=[])
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part, size, folder = options.part[0], int(options.part[1]), Path(options.part[2])
        path = folder / "journal.jsonl"
        parts = {
            "plan": lambda: plan(size), "journal": lambda: journal(size, path), "reading": lambda: reading(size, path),
            "audit": lambda: audit(size, folder),
        }
        print(parts[part]())
        return
    for name, columns in TABLES.items():
        sizes = getattr(options, name)
        if not sizes:
            continue
        print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                line = child(name, size, folder)
                print(line, child("reading", size, folder) if name == "journal" else "", flush=True)
        print()


if __name__ == "__main__":
    main()
