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
from auditkit.pipeline.steps.answers import answers_by_pack
from auditkit.pipeline.steps.evidence import evidence_of
from auditkit.render.view.answer import answer_view
from auditkit.render.words.numbers import DASH
from auditkit.schema import Attribution, Output, Request, Sample, Score, plain, variant_name
from auditkit.store.folder import RunFolder
from auditkit.store.journal import read_journal


@dataclass(frozen=True)
class SampleReport:
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
        place = f"{sample.source.file}:{sample.source.line}, arm {sample.arm}, target {sample.target}"
        yield _visible(f"{sample.id}  ({place})")
        if self.request is not None:
            yield f"asked ({self.request.kind}, rule {self.request.rule}, {self.request.sha256[:12]}):"
            yield from (f"  | {_visible(line)}" for line in f"{self.request.text}\n{self.request.prefix}".split("\n"))
        yield from self._answer()
        for score in self.scores:
            value = f"{score.value:g}" if score.value is not None else f"not scored ({score.reason})"
            yield f"  {_visible(score.metric)} = {value}, answer {_visible(str(score.answer))}"
        for item in self.attributions:
            top = sorted(zip(item.words, item.word_scores, strict=True), key=lambda pair: -abs(pair[1]))[:6]
            words = ", ".join(f"{_visible(word)} {value:+.2f}" for word, value in top)
            yield f"  {item.method} of {_visible(str(item.target))} ({item.reliability}): {words}"

    def _answer(self) -> Iterator[str]:
        """The options and classes with their scores, what was said, and why none of the options is the answer."""
        view = answer_view(evidence_of(self.sample, self.output, {}))
        for number, option in enumerate(view.options, start=1):
            is_class = number > len(self.sample.choices)
            numbers = zip(view.columns, option.numbers, strict=True)
            texts = [
                f"class ({_visible(option.label)})" if is_class
                else f"option {number} ({_visible(option.label)}): {_visible(option.text)}",
                ", ".join(f"{column} {amount}" for column, amount in numbers if amount != DASH),
                "<- the answer" if option.picked else "",
            ]
            yield "  " + "  ".join(text for text in texts if text)
        if self.output is None:
            yield "answered: nothing; the request did not run"
        elif self.output.error is not None:
            yield f"errored: {_visible(self.output.error)}"
        for statement in view.statements:
            words = [] if statement.text is None else [_visible(statement.text) or "(nothing)"]
            amounts = ", ".join(f"{fact.name} {fact.text}" for fact in statement.facts)
            yield "answered: " + "  ".join([*words, *([amounts] if amounts else [])])
        if view.unread:
            yield view.unread


def show(run: Path, sample_id: str) -> SampleReport:
    """Everything that a run holds of one sample.

    Raises:
        UsageError: the run has no such sample; the message names the nearest ids.
    """
    records = read_journal(RunFolder(run).journal)
    for pack in answers_by_pack(records):
        for sample in pack.samples:
            if sample.id == sample_id:
                seed = records.header.config.seed
                origin = variant_name(sample.origin, sample.variant)
                scores = [
                    score for measuring in (measure, measure_variants)
                    for score in measuring(pack.card, pack.samples, pack.outputs, seed=seed).scores
                ]
                return SampleReport(
                    sample, pack.requests.get(sample_id), pack.outputs[sample_id],
                    tuple(score for score in scores if score.sample_id in (sample_id, origin)),
                    tuple(item for item in records.attributions if item.sample_id == sample_id),
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
