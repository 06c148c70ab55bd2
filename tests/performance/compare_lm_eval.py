"""auditkit against lm-eval 0.4.13 on the same machine, weights, prompts, threads and dtype, interleaved A B A B.

One command, with auditkit's environment, from the root of the checkout:

    python tests/performance/compare_lm_eval.py --peer PEER/bin/python --data MIRROR

The peer has an environment of its own, made once:

    python3 -m venv PEER
    PEER/bin/pip install -c constraints.txt torch==2.13.0 'lm-eval[hf]==0.4.13'

MIRROR holds `bbq/`, `crows_pairs/` and `truthfulqa/` as published. Both get raw (context, continuation) pairs: auditkit
as requests through its runner and journal (no cache), lm-eval through `HFLM.loglikelihood` and `generate_until` at
`--batch-size` (8 was its best of 1, 8, 16 and auto on 2 cores). Each measurement is a process of its own. The table
gives lm-eval's time divided by auditkit's: medians of pairs, with the smallest and the largest. "of GEMM" is the
unavoidable work divided by time and by the rate of plain matrix products measured in the same processes. An item of
`agreement` is one log-likelihood (largest and median relative difference) or one text (how many are equal).

The full size with `--repeats 5 --peer-repeats 3` takes about 20 minutes on two idle cores: lm-eval then runs in the
first three of five rounds, and the rounds after are compared with its third. `--results FILE` keeps every measurement
as it comes: the same command goes on where it stopped, workload by workload, and prints the table again without
measuring. `--items FILE` writes both log-likelihoods of each item. `--rows 8 --repeats 1` tries everything out.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from workloads import SIZES, make  # noqa: E402 (beside this script, and for the peer without auditkit)


@dataclass(frozen=True)
class Measured:
    """One process."""

    wall: float
    """Seconds of the whole process."""
    cpu: float
    """CPU seconds of the whole process."""
    result: dict[str, Any]
    """What the side wrote: answers and the seconds of its evaluation phase."""


def measure(command: list[str], threads: int, target: Path | None = None) -> Measured:
    """Run one process to its end.

    Raises:
        RuntimeError: it failed; with the end of its output.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    env = {**os.environ, **dict.fromkeys(names, str(threads)), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryFile() as output:
        begun = time.monotonic()  # the same clock in every process
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            end = output.read().decode("utf-8", "replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{end}")
    result = json.loads(target.read_text(encoding="utf-8")) if target is not None else {}
    wall = result.get("ended", ended) - begun  # what is only measured afterwards is not the program's time
    return Measured(wall, usage.ru_utime + usage.ru_stime, result)


class Results:
    """Measurements, kept in a file as they come."""

    def __init__(self, path: Path | None, settings: dict[str, Any]) -> None:
        self._path, self._settings = path, settings
        self._runs: dict[str, list[dict[str, Any]]] = {}
        if path is not None and path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["settings"] != settings:
                raise SystemExit(f"{path} was measured with other settings, {found['settings']}; name another file")
            self._runs = found["runs"]

    def get(self, key: str, number: int, command: list[str], threads: int, target: Path | None) -> Measured:
        """The measurement of this number, made if it is not there yet."""
        runs = self._runs.setdefault(key, [])
        if number == len(runs):
            print(f"{key}: {number + 1}", file=sys.stderr, flush=True)
            runs.append(asdict(measure(command, threads, target)))
            if self._path is not None:
                text = json.dumps({"settings": self._settings, "runs": self._runs})
                self._path.with_suffix(".new").write_text(text, encoding="utf-8")
                self._path.with_suffix(".new").replace(self._path)
        return Measured(**runs[number])


def pairs(
    name: str, given: argparse.Namespace, model: str, folder: Path, results: Results
) -> list[tuple[Measured, Measured]]:
    """auditkit and lm-eval on one workload, in turn; lm-eval's last one again where it runs fewer times."""
    source, target = folder / f"{name}.json", folder / "result.json"
    source.write_text(json.dumps(make(name, given.data, given.rows or SIZES[name])), encoding="utf-8")
    threads = str(given.threads)
    ours = [sys.executable, str(HERE / "auditkit_side.py"), str(source), str(target), model, threads]
    theirs = [given.peer, str(HERE / "lm_eval_side.py"), str(source), str(target), model, threads, given.batch_size]
    found = []
    for number in range(given.repeats):
        one = results.get(f"{name}, auditkit", number, ours, given.threads, target)
        peer = min(number, given.peer_repeats - 1)
        found.append((one, results.get(f"{name}, lm-eval", peer, theirs, given.threads, target)))
    return found


def write_items(path: Path, found: dict[str, list[tuple[Measured, Measured]]]) -> None:
    """Both answers to each item of the first pair, as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["workload", "item", "auditkit", "lm-eval", "relative difference"])
        for name, made in found.items():
            answers = zip(made[0][0].result["answers"], made[0][1].result["answers"], strict=True)
            for number, (one, two) in enumerate(answers):
                text = isinstance(one, str)
                out.writerow([name, number, one, two, "" if text else abs(one - two) / max(1.0, abs(two))])


def spread(values: list[float]) -> str:
    """Median, smallest and largest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def agreement(found: list[tuple[Measured, Measured]]) -> str:
    """Item by item, over all pairs."""
    differences: list[float] = []
    equal = total = 0
    for one, other in found:
        for left, right in zip(one.result["answers"], other.result["answers"], strict=True):
            total += 1
            if isinstance(left, str):
                equal += left.strip() == right.strip()
            else:
                differences.append(abs(left - right) / max(abs(right), 1e-9))
    if not differences:
        return f"{equal // len(found)} of {total // len(found)} texts equal"
    return f"{total // len(found)} items, ≤ {max(differences):.0e}, median {statistics.median(differences):.0e}"


def line(name: str, found: list[tuple[Measured, Measured]], rows: int) -> str:
    """One row of the table."""

    def ratio(phase: str) -> str:
        return spread([two.result["seconds"][phase] / one.result["seconds"][phase] for one, two in found])

    useful = [one.result["useful"] / one.result["rate"] for one, _ in found]  # seconds at the rate of GEMM

    def fraction(side: int) -> float:
        walls = [pair[side].result["seconds"]["wall"] for pair in found]
        return statistics.median(least / wall for least, wall in zip(useful, walls, strict=True))

    fractions = f"{fraction(0):.2f} / {fraction(1):.2f}"
    whole = spread([two.wall / one.wall for one, two in found])
    return f"| {name} ({rows} rows) | {ratio('wall')} | {ratio('cpu')} | {whole} | {fractions} | {agreement(found)} |"


def start_up(given: argparse.Namespace, results: Results) -> str:
    """The row of `--help`: whole processes only; the first pair fills the disk's cache."""
    ours, theirs = [sys.executable, "-m", "auditkit", "--help"], [str(Path(given.peer).parent / "lm-eval"), "--help"]
    ratios = []
    for number in range(given.repeats + 1):
        one = results.get("--help, auditkit", number, ours, given.threads, None)
        ratios.append(results.get("--help, lm-eval", number, theirs, given.threads, None).wall / one.wall)
    return f"| `--help` | – | – | {spread(ratios[1:])} | – | – |"


def source_sha256() -> str:
    """Hash of auditkit's source: measurements of another version are not mixed in."""
    import auditkit

    hasher = hashlib.sha256()
    for path in sorted(Path(auditkit.__file__).parent.rglob("*.py")):
        hasher.update(path.read_bytes())
    return hasher.hexdigest()[:16]


def machine() -> str:
    """Processor and libraries, in words."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [one.split(":", 1)[1].strip() for one in info.read_text().splitlines() if one.startswith("model name")]
        name = models[0] if models else name
    return (
        f"{name}, {os.cpu_count()} cores; Python {platform.python_version()}, torch {version('torch')}, "
        f"transformers {version('transformers')}"
    )


def weights(given: argparse.Namespace) -> str:
    """The folder of safetensors that both load; SmolLM2 is converted on first use."""
    if given.model:
        return str(given.model)
    from auditkit.models.weights.gguf import converted, smollm2_file

    return str(converted(smollm2_file(), lambda event: print(event.message, file=sys.stderr)).path)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="Python of the environment that holds lm-eval.")
    parser.add_argument("--data", type=Path, required=True, help="Mirror of the published data.")
    parser.add_argument("--model", type=Path, help="Folder with safetensors; default: converted SmolLM2-135M-Instruct.")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batch-size", default="8", help="lm-eval's: a number or auto.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-repeats", type=int, help="Rounds in which lm-eval runs too; default: all.")
    parser.add_argument("--rows", type=int, help="Rows a workload; default: the full size of each.")
    parser.add_argument("--workload", action="append", choices=list(SIZES), help="Only this one; repeatable.")
    parser.add_argument("--results", type=Path, help="JSON file of measurements; what it holds is not measured again.")
    parser.add_argument("--items", type=Path, help="CSV file for both answers to each item.")
    given = parser.parse_args()
    if given.repeats < 1 or (given.peer_repeats is not None and given.peer_repeats < 1):
        parser.error("--repeats and --peer-repeats are at least 1")
    given.peer_repeats = min(given.peer_repeats or given.repeats, given.repeats)
    given.peer = str(Path(given.peer).absolute())  # never resolved: a venv's python is a link
    model = weights(given)
    peer = "import importlib.metadata as m; print(m.version('lm-eval'), m.version('torch'), m.version('transformers'))"
    versions = subprocess.run([given.peer, "-c", peer], capture_output=True, text=True, check=True).stdout.split()
    settings = {
        "machine": machine(), "model": Path(model).name, "threads": given.threads, "batch_size": given.batch_size,
        "rows": given.rows, "peer": versions, "source": source_sha256(),
    }
    results = Results(given.results, settings)
    found: dict[str, list[tuple[Measured, Measured]]] = {}
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.workload or SIZES:
            found[name] = pairs(name, given, model, Path(folder), results)
            lines.append(line(name, found[name], given.rows or SIZES[name]))
            print(lines[-1], file=sys.stderr, flush=True)
    lines.append(start_up(given, results))
    if given.items is not None:
        write_items(given.items, found)
    rates = [one.result["rate"] for made in found.values() for one, _ in made]
    print(f"{dt.date.today().isoformat()}. {machine()}.")
    repeats = f"{given.repeats} run(s) of auditkit and {given.peer_repeats} of lm-eval"
    print(f"{given.threads} thread(s), float32, {repeats}; GEMM {statistics.median(rates) / 1e9:.0f} GFLOP/s.")
    print(f"lm-eval {versions[0]} (torch {versions[1]}, transformers {versions[2]}), batch size {given.batch_size}.\n")
    print("| workload | evaluation, wall | evaluation, CPU | whole process, wall | of GEMM, ours / peer | agreement |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
