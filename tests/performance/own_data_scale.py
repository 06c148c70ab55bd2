"""A classification of the user's own rows at growing sizes, from a CSV and saved predictions: no model's time counts.

    python tests/performance/own_data_scale.py [--rows 10000 50000 200000] [--keep FOLDER] [--profile FILE]

Texts have 60 to 120 characters; three axes of groups (2, 5 and 12 groups, some rows without), a fact with 8 values to
slice by, and an author of five rows on average, which makes them dependent. Each size is audited, then rendered again
and verified, in a process of its own. Linear means that the figures for one row stay the same from size to size.
"""

from __future__ import annotations

import argparse
import cProfile
import csv
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LABELS = ("negative", "neutral", "positive")
WORDS = re.findall(r"\w+", "the a room service was not very good slow kind staff food price again we came late clean")
GROUPS = {
    "gender": ("female", "male"), "age": ("18-29", "30-44", "45-59", "60-74", "75+"),
    "region": tuple(f"region {number}" for number in range(12)),
}
COLUMNS = ("id", "text", "label", *GROUPS, "source", "author")


def peak() -> int:
    """Most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def text_of(number: int, draw: random.Random) -> str:
    """A text of 60 to 120 characters, unlike all others."""
    text, length = f"{number}:", draw.randint(60, 120)
    while len(text) < length:
        text += " " + draw.choice(WORDS)
    return text[:120]


def write_data(rows: int, folder: Path) -> None:
    """The CSV, and predictions that are right in seven of ten rows; every hundredth row has none."""
    draw = random.Random(rows)
    with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as data, \
            (folder / "answers.jsonl").open("w", encoding="utf-8") as predictions:
        table = csv.writer(data)
        table.writerow(COLUMNS)
        for number in range(rows):
            label = draw.choice(LABELS)
            groups = [draw.choice(names) if draw.random() > 0.02 else "" for names in GROUPS.values()]
            source, author = f"source {draw.randrange(8)}", f"author {draw.randrange(1 + rows // 5)}"
            table.writerow([f"r{number}", text_of(number, draw), label, *groups, source, author])
            if draw.random() < 0.01:
                continue
            weights = {name: draw.random() + (0.7 if name == label else 0.0) for name in LABELS}
            total = sum(weights.values())
            probabilities = {name: int(1e4 * weight / total) / 1e4 for name, weight in weights.items()}
            predictions.write(json.dumps({"id": f"r{number}", "probabilities": probabilities}) + "\n")


def audit(folder: Path) -> str:
    """One line of the table, but for the number of rows in front."""
    from auditkit.pipeline.audit import run_audit
    from auditkit.pipeline.verify import verify
    from auditkit.schema import Config, Explain, Task

    task = Task(
        name="reviews", task="classification", data=str(folder / "reviews.csv"),
        groups={axis: axis for axis in GROUPS}, clusters=("author",), metadata=("source",),
    )
    config = Config(
        model=f"predictions:{folder / 'answers.jsonl'}", packs=(), tasks=(task,), out=str(folder / "run"),
        explain=Explain(samples=0),
    )
    before, begun, events = peak(), time.process_time(), []
    run_audit(config, lambda event: events.append((time.process_time() - begun, event.stage)))
    audited, ended = peak(), time.process_time()
    verify(folder / "run")
    rows = sum(1 for _ in (folder / "reviews.csv").open(encoding="utf-8")) - 1
    page = (folder / "run" / "index.html").stat().st_size
    measured = max(seconds for seconds, stage in events if stage == "render") \
        - min(seconds for seconds, stage in events if stage == "measure")
    return (
        f"| {ended - begun:.1f} | {1e6 * (ended - begun) / rows:.0f} | {1e6 * measured / rows:.0f} "
        f"| {(audited - before) / 2**20:.0f} | {(audited - before) / 2**10 / rows:.1f} "
        f"| {1e6 * (time.process_time() - ended) / rows:.0f} | {(peak() - before) / 2**10 / rows:.1f} "
        f"| {(folder / 'run' / 'journal.jsonl').stat().st_size / rows:.0f} | {page / 2**10:.0f} |"
    )


HEADINGS = (
    "rows", "audit, CPU s", "µs a row", "of them measuring", "peak, MiB", "KiB a row", "verify, µs a row",
    "peak of both, KiB a row", "journal, bytes a row", "page, KiB",
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 50_000, 200_000])
    parser.add_argument("--keep", type=Path, help="folder in which data and run folders stay")
    parser.add_argument("--profile", help="file for the profile of cProfile")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        if options.profile:
            profile = cProfile.Profile()
            line = profile.runcall(audit, Path(options.part))
            profile.dump_stats(options.profile)
        else:
            line = audit(Path(options.part))
        print(line)
        return
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}", flush=True)
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) if options.keep is None else options.keep / str(rows)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            write_data(rows, folder)
            command = [sys.executable, __file__, "--part", str(folder)]
            command += ["--profile", f"{options.profile}.{rows}"] if options.profile else []
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "AUDITKIT_CACHE": str(folder / "cache")}
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            print(f"| {rows:,} {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
