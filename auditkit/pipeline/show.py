"""One sample of a run: request, output, scores and attributions, read from the journal."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import UsageError
from auditkit.measure.answers import read
from auditkit.measure.measurement import measure
from auditkit.measure.robustness import measure_variants
from auditkit.pipeline.steps.assemble import Header, answered
from auditkit.render.words.catalogue import say
from auditkit.schema import AnswerPart, Attribution, Output, Request, Sample, Score, plain, variant_name
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
        yield f"{sample.id}  ({sample.source.file}:{sample.source.line}, arm {sample.arm}, target {sample.target})"
        if self.request is not None:
            yield f"asked ({self.request.kind}, rule {self.request.rule}, {self.request.sha256[:12]}):"
            yield from (f"  | {_visible(line)}" for line in f"{self.request.text}\n{self.request.prefix}".split("\n"))
        yield from self._answer()
        for score in self.scores:
            value = f"{score.value:g}" if score.value is not None else f"not scored ({score.reason})"
            yield f"  {score.metric} = {value}, answer {_visible(str(score.answer))}"
        for item in self.attributions:
            top = sorted(zip(item.words, item.word_scores, strict=True), key=lambda pair: -abs(pair[1]))[:6]
            words = ", ".join(f"{_visible(word)} {value:+.2f}" for word, value in top)
            yield f"  {item.method} of {item.target} ({item.reliability}): {words}"

    def _answer(self) -> Iterator[str]:
        """The options and classes with their scores, what was said, and which choice that was read as."""
        parts = self.output.shown() if self.output is not None else ()
        by_place = {part.place: part for part in parts if part.of == "option"}
        by_class = {part.text: part for part in parts if part.of == "class"}
        reading = read(self.sample, self.output)
        for place, choice in enumerate(self.sample.choices):
            part = by_place.get(place) or by_class.get(choice.label)
            numbers = f"  {_numbers(part)}" if part is not None and part.numbers else ""
            mark = "  <- the answer" if place in reading.options else ""
            yield f"  option {place + 1} ({_visible(choice.label)}): {_visible(choice.text)}{numbers}{mark}"
        for name, part in by_class.items():
            if name not in self.sample.labels:
                mark = "  <- the answer" if not self.sample.choices and name == reading.label else ""
                yield f"  class {_visible(name or '')}: {_numbers(part)}{mark}"
        yield from self._said(parts)
        if self.sample.choices and reading.reason in ("tied", "unparsed", "refused"):
            yield f"no option is the answer: {say(f'terms.meaning.{reading.reason}')}"

    def _said(self, parts: Sequence[AnswerPart]) -> Iterator[str]:
        """What is no score of an option or class."""
        if self.output is None:
            yield "answered: nothing; the request did not run"
        elif self.output.error is not None:
            yield f"errored: {_visible(self.output.error)}"
        tags = [part for part in parts if part.of == "word"]
        if tags:
            words = [*self.sample.words, *[""] * len(tags)]
            yield "answered: " + " ".join(_visible(f"{words[tag.place]}/{tag.text}") for tag in tags)
        for part in parts:
            if part.of == "answer":
                said = [] if part.text is None else [_visible(part.text) or "(nothing)"]
                yield "answered: " + "  ".join([*said, *([_numbers(part)] if part.numbers else [])])


def _numbers(part: AnswerPart) -> str:
    return ", ".join(
        f"{say(f'cases.quantity.{name}').lower()} {value if isinstance(value, int) else format(value, '.4f')}"
        for name, value in part.numbers.items()
    )


def show(run: Path, sample_id: str) -> SampleReport:
    """Everything that a run holds of one sample.

    Raises:
        UsageError: the run has no such sample; the nearest ids are told.
    """
    records = read_journal(RunFolder(run).journal)
    header = Header.model_validate(records.header)
    for pack in answered(records, header):
        for sample in pack.samples:
            if sample.id == sample_id:
                origin = variant_name(sample.origin, sample.variant)
                scores = [
                    score for measuring in (measure, measure_variants)
                    for score in measuring(pack.card, pack.samples, pack.outputs, seed=header.config.seed).scores
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
