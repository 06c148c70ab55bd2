"""Pseudo-log-likelihoods of sentences by one of three programs: run by masked_ratio.py.

    python masked_side.py auditkit|loop|minicons SENTENCES.json RESULT.json MODEL THREADS [BATCH_SIZE]

`auditkit` goes through its runner, journal included; `loop` is a plain forward of each masked copy; `minicons` scores
BATCH_SIZE sentences a call, with the Python of its own environment.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answers = list[float]
"""Pseudo-log-likelihood of each sentence, nats."""


def auditkit(sentences: list[str], model: str, threads: int) -> tuple[Callable[[], Answers], Callable[[], Any]]:
    """What scores, and what measures the machine afterwards."""
    from auditkit_side import body_parameters, matrix_rate

    from auditkit.models.open import open_model
    from auditkit.run.runner import deduplicate, run_round
    from auditkit.schema import Config, Option, Policy, Request
    from auditkit.schema.journal import Header
    from auditkit.store.journal import Journal

    adapter: Any = open_model(Config(model=model, device="cpu", dtype="float32", kind="masked", threads=threads))
    asked = [
        Request(kind="compare", rule="pseudo_loglikelihood", options=(Option(text=text),)) for text in sentences
    ]

    def score() -> Answers:
        header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
        with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder, "journal.jsonl"), header) as journal:
            once = deduplicate((str(number), request) for number, request in enumerate(asked))
            found = run_round(adapter, once.requests, once.askers, journal, None, batch_tokens=2048).outputs
        outputs = [found[request.sha256] for request in asked]
        errors = [output.error for output in outputs if output.error]
        assert not errors, errors[0]
        return [option.sum for output in outputs for option in output.answer.options]

    def limits() -> dict[str, Any]:
        config, mask = adapter.checkpoint.model.config, adapter.checkpoint.tokenizer.mask_token_id
        copies = {
            (*each.ids[:at], mask, *each.ids[at + 1 :])
            for encoded in adapter.encode(asked) for each in encoded.sequences for at in each.scored
        }
        body, head = body_parameters(adapter), config.hidden_size * (config.vocab_size + config.hidden_size)
        attention = 4.0 * config.num_hidden_layers * config.hidden_size
        work = sum(2.0 * body * len(ids) + attention * len(ids) ** 2 + 2.0 * head for ids in copies)
        return {"rate": matrix_rate(adapter), "work": work, "copies": len(copies), "spares": adapter.head.spares}

    return score, limits


def loop(sentences: list[str], model: str, threads: int) -> Callable[[], Answers]:
    """One forward a masked copy."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    network = transformers.AutoModelForMaskedLM.from_pretrained(model, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)

    def score() -> Answers:
        answers = []
        for sentence in sentences:
            ids = tokenizer(sentence, return_tensors="pt")["input_ids"]
            total = 0.0
            for at in range(1, ids.shape[1] - 1):
                masked = ids.clone()
                masked[0, at] = tokenizer.mask_token_id
                with torch.inference_mode():
                    logits = network(input_ids=masked).logits[0, at]
                total += float(logits.log_softmax(-1)[ids[0, at]])
            answers.append(total)
        return answers

    return score


def minicons(sentences: list[str], model: str, threads: int, batch_size: int) -> Callable[[], Answers]:
    """minicons' scorer, a batch of sentences a call.

    Its own way of tokenising asks the tokenizer for `batch_encode_plus`, which transformers 5 has no more; so it gets
    what it takes as well, sentences that are tokenised already.
    """
    import torch
    from minicons.scorer import MaskedLMScorer

    torch.set_num_threads(threads)
    peer = MaskedLMScorer(model, "cpu")

    def score() -> Answers:
        batches = [sentences[at : at + batch_size] for at in range(0, len(sentences), batch_size)]
        return [
            value for batch in batches
            for value in peer.sequence_score(
                peer.tokenizer(batch, padding=True, return_tensors="pt"), reduction=lambda each: each.sum(0).item()
            )
        ]

    return score


def main() -> None:
    """Score, and write scores with the seconds of the evaluation phase."""
    side, source, target, model, threads, *rest = sys.argv[1:]
    sentences = json.loads(Path(source).read_text(encoding="utf-8"))
    limits: Callable[[], dict[str, Any]] = dict
    if side == "auditkit":
        score, limits = auditkit(sentences, model, int(threads))
    elif side == "loop":
        score = loop(sentences, model, int(threads))
    else:
        score = minicons(sentences, model, int(threads), int(rest[0]))
    wall, cpu = time.perf_counter(), time.process_time()
    answers = score()
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    result = {"seconds": seconds, "ended": time.monotonic(), "answers": answers, **limits()}
    Path(target).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
