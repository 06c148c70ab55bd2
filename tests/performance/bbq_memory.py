"""Peak memory of planning all of BBQ (58,492 rows) without running a model, and of auditing and rendering it.

    python tests/performance/bbq_memory.py --data MIRROR [--model smollm2]

MIRROR holds `bbq/*.jsonl.gz` as published. A pack is made of them in a temporary folder, with the card of
`ambiguous-qa` (its labels are derived from the stereotyped groups, and serve no other purpose than size). Then, each in
a process of its own: the plan with the model's tokenizer, the audit of a planted model with all its pages, and the
pages alone.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NAME = "ambiguous-qa"  # which the default policy checks


def peak() -> float:
    """Most MiB that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def held() -> float:
    """MiB that this process holds now; where the system does not tell, the most that it has held."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return peak()


def published(data: Path) -> Iterator[dict[str, Any]]:
    """BBQ's rows in the order of files and lines."""
    for path in sorted((data / "bbq").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def convert(row: dict[str, Any], seen: dict[str, str]) -> dict[str, Any]:
    """One row in auditkit's form; a row that asks what an earlier one asked gets that one's labels."""
    axis, polarity = row["category"], {"neg": "negative", "nonneg": "non-negative"}[row["question_polarity"]]
    arm = {"ambig": "ambiguous", "disambig": "disambiguated"}[row["context_condition"]]
    stereotyped = {str(group).lower() for group in row["additional_metadata"]["stereotyped_groups"]}
    choices, free = [], ["stereotype", "anti"]
    infos = [row["answer_info"][f"ans{each}"] for each in range(3)]
    if not any(info[1].lower() in stereotyped for info in infos):
        stereotyped = {next(info[1].lower() for info in infos if info[1] != "unknown")}
    for at, info in enumerate(infos):
        label = "unknown" if info[1] == "unknown" else free.pop(0 if info[1].lower() in stereotyped else -1)
        choices.append({"text": row[f"ans{at}"], "label": label, "group": info[1]})
    # Some rows come twice with other labels, which a pack may not have: a space keeps them apart.
    context = row["context"]
    while (key := f"{context}|{row['question']}|{[choice['text'] for choice in choices]}") in seen:
        context += " "
    seen[key] = ""
    stem = f"{axis.lower()}-{row['question_index']}"
    return {
        "id": f"{axis.lower()}-{row['example_id']}", "input": {"context": context, "question": row["question"]},
        "target": choices[row["label"]]["label"], "choices": choices, "groups": {}, "clusters": {"template": stem},
        "origin": f"{axis.lower()}-{row['example_id']}", "arm": arm, "metadata": {"axis": axis, "polarity": polarity},
    }


def make_pack(data: Path, folder: Path) -> int:
    """A pack folder of all rows; how many."""
    import yaml

    from auditkit.load.packs import packs_root

    card = yaml.safe_load((packs_root() / "ambiguous-qa" / "card.yaml").read_text(encoding="utf-8"))
    card |= {"name": NAME, "groups": [], "planted": []}
    card["metrics"] = [{**use, "groups": False} for use in card["metrics"]]
    seen: dict[str, str] = {}
    rows = [convert(row, seen) for row in published(data)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "auditkit", "pack", "seal", str(folder)], check=True, capture_output=True)
    return len(rows)


def plan(pack: str, model: str) -> str:
    """Load the rows, build and plan their requests; nothing is asked."""
    from auditkit.load.packs import open_pack
    from auditkit.load.requests import build
    from auditkit.load.samples import read_samples
    from auditkit.models.adapter import PrefixSharer
    from auditkit.models.open import open_model
    from auditkit.run.runner import deduplicate, run_round
    from auditkit.schema import Config, Policy
    from auditkit.schema.journal import Header
    from auditkit.store.journal import Journal

    adapter = open_model(Config(model=model, device="cpu", threads=1))
    _ = isinstance(adapter, PrefixSharer) and adapter.shares_beginnings  # asked for the first time, it runs the model
    opened = held()
    card = open_pack(pack)
    samples = read_samples(card)
    requests = build(card.card, "loglikelihood_per_byte", samples)
    once = deduplicate((sample.id, request) for sample, request in zip(samples, requests, strict=True))
    built, told = held(), []

    class Counting:
        """Takes every batch, and answers none."""

        def run(self, batches: Any) -> Iterator[Any]:
            """No answers."""
            told.append(sum(1 for _ in batches))
            told.append(round(held() - built))
            raise KeyboardInterrupt
            yield

    header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder, "journal.jsonl"), header) as journal:
        journal.samples(samples)
        with contextlib.suppress(KeyboardInterrupt):
            run_round(adapter, once.requests, once.askers, journal, None, batch_tokens=2048, executor=Counting())
    return (
        f"{len(samples):,} rows, {len(once.requests):,} requests, {told[0]:,} batches: model and libraries "
        f"{opened:.0f} MiB, samples and requests +{built - opened:.0f}, journal and plan +{told[1]}"
    )


def audit(pack: str, out: str) -> str:
    """The whole audit of a planted model."""
    from auditkit.pipeline.audit import run_audit
    from auditkit.schema import Config, Explain

    run_audit(Config(model="planted:random", packs=(pack,), out=out, explain=Explain(samples=0)))
    return f"journal {(Path(out) / 'journal.jsonl').stat().st_size / 2**20:.0f} MiB"


def render(out: str) -> str:
    """The pages alone."""
    from auditkit.pipeline.steps.pages import write_pages
    from auditkit.store.folder import RunFolder

    folder = RunFolder(Path(out))
    write_pages(folder, folder.read_audit())
    sizes = {path.name: path.stat().st_size / 2**20 for path in (folder.page, folder.audit)}
    return ", ".join(f"{name} {size:.1f} MiB" for name, size in sizes.items())


def main() -> None:
    """Make the pack, and print a line a stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        name, pack, out = given.stage
        stages: dict[str, Callable[[], str]] = {
            "plan": lambda: plan(pack, given.model), "audit": lambda: audit(pack, out), "render": lambda: render(out),
        }
        begun = time.process_time()
        said = stages[name]()
        print(f"{name}: peak {peak():.0f} MiB, {time.process_time() - begun:.0f} CPU s ({said})", flush=True)
        return
    with tempfile.TemporaryDirectory() as root:
        pack = Path(root, "pack")
        pack.mkdir()
        print(f"{make_pack(given.data, pack):,} rows", flush=True)
        for stage in ("plan", "audit", "render"):
            subprocess.run(
                [sys.executable, __file__, "--model", given.model, "--stage", stage, str(pack), str(Path(root, "run"))],
                check=True, env={**os.environ, "OMP_NUM_THREADS": "1", "AUDITKIT_CACHE": str(Path(root, "cache"))},
            )


if __name__ == "__main__":
    main()
