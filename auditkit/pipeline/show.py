"""One sample of a run: request, output, scores and attributions, read from the journal."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import UsageError
from auditkit.measure.measurement import measure
from auditkit.measure.robustness import measure_variants
from auditkit.pipeline.steps.assemble import answered
from auditkit.schema import Attribution, Output, Request, Sample, Score, plain
from auditkit.store.folder import RunFolder
from auditkit.store.journal import read_journal


@dataclass(frozen=True)
class Shown:
    """A sample and everything that a journal holds of it."""

    sample: Sample
    request: Request | None
    output: Output | None
    scores: tuple[Score, ...]
    attributions: tuple[Attribution, ...]

    def plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "sample": plain(self.sample), "request": plain(self.request), "output": plain(self.output),
            "scores": plain(self.scores), "attributions": plain(self.attributions),
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        sample = self.sample
        yield f"{sample.id}  ({sample.source.file}:{sample.source.line}, arm {sample.arm}, target {sample.target})"
        if self.request is not None:
            yield f"asked ({self.request.kind}, rule {self.request.rule}, {self.request.sha256[:12]}):"
            yield from (f"  | {_visible(line)}" for line in f"{self.request.text}\n{self.request.prefix}".split("\n"))
        scored = self.output.options if self.output is not None and self.output.options is not None else ()
        for i, choice in enumerate(sample.choices):
            value = f"{scored[i].sum:10.4f} nats, {scored[i].tokens} tokens" if i < len(scored) else "no score"
            yield f"  option {i + 1} ({choice.label}): {_visible(choice.text)!s}  {value}"
        if self.output is None:
            yield "answered: nothing; the request did not run"
        elif self.output.error is not None:
            yield f"errored: {_visible(self.output.error)}"
        elif self.output.text is not None:
            yield f"answered: {_visible(self.output.text)}"
        for score in self.scores:
            value = f"{score.value:g}" if score.value is not None else f"not scored ({score.reason})"
            yield f"  {score.metric} = {value}, answer {score.answer}"
        for found in self.attributions:
            top = sorted(zip(found.words, found.word_scores, strict=True), key=lambda pair: -abs(pair[1]))[:6]
            words = ", ".join(f"{_visible(word)} {value:+.2f}" for word, value in top)
            yield f"  {found.method} of {found.target} ({found.reliability}): {words}"


def show(run: Path, sample_id: str) -> Shown:
    """Everything that a run holds of one sample.

    Raises:
        UsageError: the run has no such sample; the nearest ids are told.
    """
    records = read_journal(RunFolder(run).journal)
    for pack in answered(records):
        for sample in pack.samples:
            if sample.id == sample_id:
                seed = records.header.config.seed
                scores = [
                    score for measuring in (measure, measure_variants)
                    for score in measuring(pack.card, pack.samples, pack.outputs, seed=seed).scores
                ]
                return Shown(
                    sample, pack.requests.get(sample_id), pack.outputs[sample_id],
                    tuple(score for score in scores if score.sample_id in (sample_id, sample.origin)),
                    tuple(found for found in records.attributions if found.sample_id == sample_id),
                )
    near = difflib.get_close_matches(sample_id, [sample.id for sample in records.samples], n=3)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise UsageError(f'{run}: no sample is called "{sample_id}" (an id is pack/row-id){hint}')


def newest_run(reports: Path) -> Path:
    """The run folder whose journal was written last.

    Raises:
        UsageError: there is none.
    """
    journals = sorted(reports.glob("*/journal.jsonl"), key=lambda path: path.stat().st_mtime)
    if not journals:
        raise UsageError(f"{reports}: holds no run; name one with --run")
    return journals[-1].parent


def _visible(text: str) -> str:
    """Hostile text on one line: control and direction characters are escaped, so a terminal does not obey them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
