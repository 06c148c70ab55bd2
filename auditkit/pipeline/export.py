"""The answers of a run as saved predictions: the file that `predictions:FILE` audits without the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditkit.errors import UsageError
from auditkit.pipeline.steps.answers import PackAnswers, answers_by_pack
from auditkit.schema import (
    FreeText,
    Number,
    OptionScores,
    Output,
    Probabilities,
    Similarities,
    SpanAnswer,
    Tags,
)
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
    packs = answers_by_pack(records)
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for pack in packs for line in _lines(pack)]
    write_atomically(file, "".join(lines).encode("utf-8"))
    return len(lines)


def _lines(pack: PackAnswers) -> Iterator[dict[str, Any]]:
    for sample in pack.samples:
        output = pack.outputs[sample.id]
        if output is not None:
            yield {"id": sample.id, **_value(sample.id, pack.card.request, output), "rule": output.rule}


def _value(name: str, kind: str, output: Output) -> dict[str, Any]:
    """The column of saved predictions that holds an answer, and what it holds."""
    match output.answer:
        case None:
            return {"error": output.error}
        case OptionScores() | Similarities() as answer:
            # As the answer was read: the rule's normaliser is applied here, and not again.
            scores = answer.by(output.rule)
            if None not in scores:
                return {"scores": scores}
        case Probabilities(classes=classes):
            return {"probabilities": classes}
        case Number(value=value):
            return {"number": value}
        case Tags(tags=tags):
            return {"tags": tags}
        case SpanAnswer(text=text):
            return {"span": text}
        case FreeText(text=text):
            written = "text" if kind in ("generate", "tag", "extract") else "answer"
            return {"refused" if output.finish_reason == "refusal" else written: text}
    raise UsageError(f"{name}: its answer by the rule {output.rule} fits no column of saved predictions")
