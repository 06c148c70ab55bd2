"""The answers of a run as saved predictions: the file that `predictions:FILE` audits without the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditkit.errors import UsageError
from auditkit.measure.answers import normalised
from auditkit.pipeline.steps.assemble import Answered, answered
from auditkit.schema import Output
from auditkit.store.files import write_atomically
from auditkit.store.folder import RunFolder
from auditkit.store.journal import read_journal


def export_predictions(run: Path, file: Path) -> int:
    """Write one line for each answered sample of a run, in the columns that `predictions:FILE` reads.

    Audited with the run's packs, limit and seed, the file gives the run's estimates. A sample that was not run has no
    line, and so is not run again.

    Args:
        run: the run folder; its journal is read, and need not be sealed.
        file: the `.jsonl` file, replaced where it exists.

    Returns:
        How many lines were written.

    Raises:
        UsageError: another file ending, or an answer that no column can hold.
        RecordError: a damaged journal.
    """
    if file.suffix != ".jsonl":
        raise UsageError(f"{file}: predictions are written as JSONL; name a .jsonl file")
    records = read_journal(RunFolder(run).journal)
    packs = answered(records)
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for pack in packs for line in _lines(pack)]
    write_atomically(file, "".join(lines).encode("utf-8"))
    return len(lines)


def _lines(pack: Answered) -> Iterator[dict[str, Any]]:
    for sample in pack.samples:
        output = pack.outputs[sample.id]
        if output is not None:
            yield {"id": sample.id, **_value(sample.id, pack.card.request, output), "rule": output.rule}


def _value(name: str, kind: str, output: Output) -> dict[str, Any]:
    if output.error is not None:
        return {"error": output.error}
    if output.options is not None:
        # As the answer was read: the rule's normaliser is applied here, and not again.
        scores = [normalised(option, output.rule) for option in output.options]
        if None not in scores:
            return {"scores": scores}
    if output.similarities is not None:
        return {"scores": list(output.similarities)}
    if output.probabilities is not None:
        return {"probabilities": output.probabilities}
    if output.number is not None:
        return {"number": output.number}
    if output.tags is not None:
        return {"tags": output.tags}
    if output.span is not None:
        return {"span": output.span.text}
    if output.finish_reason == "refusal":
        return {"refused": output.text or ""}
    if output.text is not None:
        return {"text" if kind in ("generate", "tag", "extract") else "answer": output.text}
    raise UsageError(f"{name}: its answer by the rule {output.rule} fits no column of saved predictions")
