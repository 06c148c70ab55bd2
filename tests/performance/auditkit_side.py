"""One workload through auditkit's runner, journal included: run by compare_lm_eval.py.

    python auditkit_side.py WORKLOAD.json RESULT.json MODEL THREADS
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditkit.models.adapter import common_prefix
from auditkit.models.open import open_model
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Config, Generation, Option, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.journal import Journal


def requests(work: dict[str, Any]) -> list[Request]:
    """The workload's items; the continuations of one context are the options of one request."""
    if work["kind"] == "generate":
        decoding = Generation(max_tokens=work["new_tokens"])
        return [Request(kind="generate", rule="text", text=prompt, generation=decoding) for prompt in work["items"]]
    return [
        Request(kind="choose", rule="loglikelihood", text=context, options=tuple(Option(text=one) for one in each))
        for context, each in work["items"]
    ]


def useful_operations(adapter: Any, asked: Sequence[Request]) -> float:
    """Floating-point operations that cannot be avoided: each distinct token once, the head once a scored position."""
    config, body = adapter.checkpoint.model.config, body_parameters(adapter)
    sequences = [one for encoded in adapter.encode(asked) for one in encoded.sequences]
    rows = {(one.ids[:position]) for one in sequences for position in one.scored}
    fed = sorted({one.ids[: max(one.scored)] for one in sequences})
    tokens = attended = 0
    before: tuple[int, ...] = ()
    for ids in fed:
        shared = common_prefix([before, ids]) if before else 0
        tokens += len(ids) - shared
        attended += sum(range(shared + 1, len(ids) + 1))
        before = ids
    attention = 4 * config.num_hidden_layers * config.hidden_size * attended
    return 2.0 * body * tokens + attention + 2.0 * config.vocab_size * config.hidden_size * len(rows)


def body_parameters(adapter: Any) -> int:
    """Parameters of the matrices that each token goes through, head excluded."""
    return sum(
        parameter.numel() for name, parameter in adapter.checkpoint.model.base_model.named_parameters()
        if parameter.ndim == 2 and "embed" not in name
    )


def written_operations(adapter: Any, lengths: Sequence[tuple[int, int]]) -> float:
    """The same for texts of (prompt, new) tokens: all but the last are read, each new one costs the head."""
    config, body = adapter.checkpoint.model.config, body_parameters(adapter)
    total = 0.0
    for prompt, new in lengths:
        read = prompt + new - 1
        total += 2.0 * body * read + 2.0 * config.vocab_size * config.hidden_size * new
        total += 4.0 * config.num_hidden_layers * config.hidden_size * read * (read + 1) / 2
    return total


def matrix_rate(adapter: Any) -> float:
    """Floating-point operations a second of the model's own matrix products, 512 rows: the median of 9 rounds."""
    import torch

    config = adapter.checkpoint.model.config
    wide, narrow = config.intermediate_size, config.hidden_size
    shapes = [(narrow, narrow), (narrow, wide), (narrow, wide), (wide, narrow)]
    pairs = [(torch.randn(512, rows), torch.randn(columns, rows)) for rows, columns in shapes]
    work = sum(2.0 * 512 * rows * columns for rows, columns in shapes) * 20
    rates = []
    for _ in range(9):
        begun = time.perf_counter()
        for _ in range(20):
            for left, weight in pairs:
                torch.nn.functional.linear(left, weight)
        rates.append(work / (time.perf_counter() - begun))
    return sorted(rates)[len(rates) // 2]


def main() -> None:
    """Answer, and write scores or texts with the seconds of the evaluation phase."""
    source, target, model, threads = sys.argv[1:]
    adapter = open_model(Config(model=model, device="cpu", dtype="float32", chat="never", threads=int(threads)))
    work = json.loads(Path(source).read_text(encoding="utf-8"))
    header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder, "journal.jsonl"), header) as journal:
        wall, cpu = time.perf_counter(), time.process_time()
        asked = requests(work)
        once = deduplicate((str(number), request) for number, request in enumerate(asked))
        found = run_round(adapter, once.requests, once.askers, journal, None, batch_tokens=2048).outputs
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    ended = time.monotonic()
    outputs = [found[request.sha256] for request in asked]
    errors = [output.error for output in outputs if output.error]
    assert not errors, errors[0]
    result: dict[str, Any] = {"seconds": seconds, "ended": ended, "rate": matrix_rate(adapter)}
    if work["kind"] == "score":
        result["answers"] = [option.sum for output in outputs for option in output.answer.options]
        result["useful"] = useful_operations(adapter, asked)
    else:
        result["answers"] = [output.text for output in outputs]
        result["useful"] = written_operations(adapter, [(one.prompt_tokens, one.completion_tokens) for one in outputs])
    Path(target).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
