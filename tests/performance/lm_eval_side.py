"""One workload through lm-eval's `hf` model: run by compare_lm_eval.py with the peer's Python.

    python lm_eval_side.py WORKLOAD.json RESULT.json MODEL THREADS BATCH_SIZE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Answer, and write scores or texts with the seconds of the evaluation phase."""
    source, target, model, threads, batch_size = sys.argv[1:]
    import torch

    torch.set_num_threads(int(threads))
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    size = int(batch_size) if batch_size.isdigit() else batch_size
    peer = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=size)
    work = json.loads(Path(source).read_text(encoding="utf-8"))
    settings = {"until": [], "max_gen_toks": work.get("new_tokens"), "do_sample": False}
    if work["kind"] == "generate":
        prompts = [(prompt, dict(settings)) for prompt in work["items"]]
        requests = [Instance("generate_until", {}, prompt, number) for number, prompt in enumerate(prompts)]
    else:
        pairs = [(context, each) for context, continuations in work["items"] for each in continuations]
        requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    wall, cpu = time.perf_counter(), time.process_time()
    if work["kind"] == "generate":
        answers = peer.generate_until(requests, disable_tqdm=True)
    else:
        answers = [score for score, _ in peer.loglikelihood(requests, disable_tqdm=True)]
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    result = {"seconds": seconds, "ended": time.monotonic(), "answers": answers}
    Path(target).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
