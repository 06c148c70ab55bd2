"""Saved predictions: a file of a model's answers in the place of the model.

A `.jsonl` file holds one object a line, a `.csv` file the same values by column. One line answers one sample:

| column | holds |
| --- | --- |
| `id` | the sample: `pack/row-id`, or `row-id` alone where one audited pack has it |
| `answer` | `choose`, `compare`, `classify`: the label of an option, its text, its letter (`B`), or all that was said |
| `scores` | `choose`, `compare`, `classify`: one number an option, in the row's order; the highest is the answer |
| `probabilities` | `choose`, `classify`: class label to probability; several classes of one text need not sum to 1 |
| `number` | `classify`: a regression's value |
| `text` | `generate`, `classify`, `tag`, `extract`: what the model wrote |
| `tags` | `tag`: a tag for each word of the row |
| `span` | `extract`: words of the passage, as they stand there; `""` for no answer (JSONL only) |
| `error` | the model failed on this sample, and why: counted as errored |
| `refused` | the model, or its provider, refused: what it said, perhaps nothing |
| `rule` | optional: the rule of the card that made the answers, e.g. `loglikelihood`; one in a whole pack |

A line has exactly one of these beside `id` and `rule`. In CSV an empty cell is absent, `scores` stand in `scores.0`,
`scores.1` …, probabilities in `probabilities.LABEL`, and `tags` in one cell with blanks between them. A sample without
a line is not run: it is counted and bounded, never filled in (two samples that ask exactly the same share one answer).
Lines about rows that `--limit` leaves out, or about a built-in pack that is not audited, are passed over; lines about
rows that no pack has are counted and said, where the file answers at least half of the rows. The probability of one
class of two leaves the rest to the other; a class that no row holds is a wrong answer.

Without `rule` the signature says `saved`, unless the column tells the rule (`number`, `tags`, `span`, written `text`):
how the answers came about is not known, so that they are not compared with answers whose rule is. Scores are taken as
they are: no normaliser is applied to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

from auditkit.errors import MeasurementError, ModelError, did_you_mean
from auditkit.models.adapter import Encoded, PackRows
from auditkit.models.scripted import PREDICTIONS_SCHEME
from auditkit.models.scripted.class_lines import completed
from auditkit.models.scripted.prediction_lines import Prediction, read_content, read_lines
from auditkit.models.weights.fingerprint import source_sha256
from auditkit.schema import (
    Answer,
    Benchmark,
    ClassName,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Request,
    Sample,
    Similarities,
    SpanAnswer,
    Subject,
    Tags,
)

SAVED = "saved"
"""The rule of an answer whose rule is not known."""

_COLUMNS = {
    "choose": ("answer", "scores", "probabilities"), "compare": ("answer", "scores"),
    "classify": ("answer", "scores", "probabilities", "number", "text"), "generate": ("text",),
    "tag": ("tags", "text"), "extract": ("span", "text"),
}
"""Request kind to the columns that can answer it, beside `error` and `refused`."""
_ANY = ("error", "refused")
_RULES = {"tags": "tags", "span": "span", "number": "number"}
"""Column to the only rule that gives it."""
_DEFAULTS = {"generate": "text", "tag": "tags", "extract": "span"}
"""Request kind to the rule of a pack whose lines name and imply none."""


class Predictions:
    """A file of answers, placed on the samples of the audited packs."""

    def __init__(self, path: Path, packs: PackRows) -> None:
        """Read and place the file.

        Args:
            path: the `.jsonl` or `.csv` file.
            packs: the audited packs; lines about rows of the others are passed over.

        Raises:
            ModelError: `file:line: what, and what to do` for what cannot be read, an unknown or doubled id, a wrong
                column, a wrong number of scores, a number that is not finite, or an answer that can be read two ways.
        """
        content = read_content(path)
        self._subject = _subject(path, hashlib.sha256(content).hexdigest())
        self._placed: dict[str, Prediction] = {}
        self._rules: dict[str, str] = {}
        by_id = {sample.id: sample for sample in packs.rows}
        by_row: dict[str, list[str]] = {}
        for name in by_id:
            by_row.setdefault(name.partition("/")[2], []).append(name)
        surplus: list[Prediction] = []
        for line in read_lines(content, path):
            sample = _find(line, by_id, by_row)
            if sample is None:
                surplus.append(line)
                continue
            if sample.id in self._placed:
                first = self._placed[sample.id].where
                raise ModelError(f'{line.where}: "{sample.id}" was answered at {first}; keep one line a sample')
            card = packs.cards[sample.benchmark]
            _check_column(line, card)
            self._one_rule(line, card)
            _check(line, card, sample)
            self._placed[sample.id] = line
        notes = self._surplus(surplus, by_id, by_row, packs.others)
        notes += self._complete(packs.cards, by_id.values())
        if notes:
            parts = {**self._subject.parts, "read": "; ".join(notes)}
            self._subject = self._subject.model_copy(update={"parts": parts})

    def _surplus(
        self, lines: Sequence[Prediction], by_id: Mapping[str, Sample], by_row: Mapping[str, list[str]],
        others: Sequence[str],
    ) -> list[str]:
        """How many lines are about rows that no pack has.

        Raises:
            ModelError: the file answers less than half of the rows: its ids are probably not theirs.
        """
        unknown = [line for line in lines if line.id.partition("/")[0] not in others]
        rows = sum(not sample.variant for sample in by_id.values())
        if unknown and 2 * len(self._placed) < rows:
            line = unknown[0]
            hint = did_you_mean(
                line.id, [*by_id, *by_row], "an id is pack/row-id, as `auditkit show` names it", cutoff=0.6
            )
            raise ModelError(f'{line.where}: no audited pack has a row "{line.id}"; {hint}')
        count = len(unknown)
        return [f"{count} answers are about rows that are not audited, the first {unknown[0].id}"] if count else []

    def _complete(self, cards: Mapping[str, Benchmark], rows: Iterable[Sample]) -> list[str]:
        """Complete the classes of each classification; see `completed`."""
        notes: list[str] = []
        names: dict[str, list[Sample]] = {}
        for sample in rows:
            if cards[sample.benchmark].request == "classify" and sample.target is not None and sample.choices:
                names.setdefault(sample.benchmark, []).append(sample)
        for samples in names.values():
            lines = {sample.id: self._placed[sample.id] for sample in samples if sample.id in self._placed}
            texts = [choice.text for choice in samples[0].choices if choice.text not in samples[0].labels]
            placed, said = completed(lines, tuple(dict.fromkeys(samples[0].labels)), texts)
            self._placed |= placed
            notes += said
        return notes

    def _one_rule(self, line: Prediction, card: Benchmark) -> None:
        implied = _implied(line, card)
        rule = implied if line.rule is None else line.rule
        if rule is None:  # neither an error nor a refusal tells how the model is asked
            return
        if rule not in (*card.rules, implied):
            raise ModelError(f'{line.where}: "rule": {card.name} has no rule "{rule}"; it has: {", ".join(card.rules)}')
        if self._rules.setdefault(card.name, rule) != rule:
            first = self._rules[card.name]
            raise ModelError(
                f'{line.where}: "rule" is "{rule}", but "{first}" on other lines of {card.name}; a pack has one rule'
            )

    def rule(self, card: Benchmark, requested: str | None = None) -> str:
        """The rule that the file names or implies for a pack, `saved` where it does neither.

        Raises:
            ModelError: the user asks for another.
        """
        rule = self._rules.get(card.name, _DEFAULTS.get(card.request, SAVED))
        if requested is not None and requested != rule:
            raise ModelError(
                f'rules: {card.name}: the saved answers were made by the rule "{rule}", not by {requested}'
            )
        return rule

    def holds(self, sample: Sample) -> bool:
        """Whether the file has a line for a sample."""
        return sample.id in self._placed

    def agree(self, first: Sample, second: Sample) -> None:
        """Check that two samples that ask exactly the same have the same answer.

        Raises:
            ModelError: they differ; names both lines.
        """
        line, second_line = self._placed[first.id], self._placed[second.id]
        if (line.column, line.value) != (second_line.column, second_line.value):
            raise ModelError(
                f"{second_line.where}: {second.id} asks exactly what {first.id} ({line.where}) asks, but is answered "
                f"otherwise; give both the same answer"
            )

    def adapter(self, samples: Mapping[str, Sample]) -> PredictionsAdapter:
        """The adapter that answers with the file's lines; `samples` is request sha256 to sample."""
        return PredictionsAdapter(self._subject, {sha: self._placed[sample.id] for sha, sample in samples.items()})


class PredictionsAdapter:
    """Answers with what a file says."""

    cacheable = False

    def __init__(self, subject: Subject, predictions: Mapping[str, Prediction]) -> None:
        """Bind the lines of a file.

        Args:
            subject: the file.
            predictions: request sha256 to its line; a request without one is not run.
        """
        self._subject = subject
        self._predictions = predictions

    @property
    def subject(self) -> Subject:
        """The file: its fingerprint is the sha256 of its bytes."""
        return self._subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """By request kind; a rule that the file names comes on top."""
        return {
            "choose": (SAVED,), "compare": (SAVED,), "generate": ("text",), "classify": (SAVED, "number"),
            "tag": ("tags", "text"), "extract": ("span", "text"),
        }

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Nothing to tokenise: batched by count."""
        return [Encoded(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch, in order.

        Raises:
            MeasurementError: a request belongs to no line of the file.
        """
        for encoded in batch:
            request = encoded.request
            line = self._predictions.get(request.sha256)
            if line is None:
                raise MeasurementError(f"request {request.sha256[:12]} belongs to no line of the predictions")
            yield _output(line, request)


def open_predictions(path: str, packs: PackRows) -> Predictions:
    """The answers of a file; see `Predictions` for the errors."""
    return Predictions(Path(path), packs)


def _subject(path: Path, sha256: str) -> Subject:
    parts = {"adapter": "predictions", "file": sha256, "source": source_sha256()}
    return Subject(name=f"{PREDICTIONS_SCHEME}{path}", kind="predictions", fingerprint=sha256, parts=parts)


def _output(line: Prediction, request: Request) -> Output:
    if line.column == "error":
        return Output(request=request.sha256, rule=request.rule, error=" ".join(line.value.split())[:300])
    refusal = "refusal" if line.column == "refused" else None
    answer = _answer(line, request)
    return Output(request=request.sha256, rule=request.rule, answer=answer, finish_reason=refusal)


def _answer(line: Prediction, request: Request) -> Answer:
    if line.column == "scores" and request.rule == "similarity":
        return Similarities(values=line.value)
    if line.column == "scores":
        # One token and one byte: whatever the rule's normaliser, the score stays what the file says.
        return OptionScores(options=tuple(OptionScore(sum=value, tokens=1, bytes=1) for value in line.value))
    if line.column == "probabilities":
        return Probabilities(classes=line.value)
    if line.column == "class":
        return ClassName(name=line.value.strip())
    if line.column == "number":
        return Number(value=line.value)
    if line.column == "tags":
        return Tags(tags=line.value)
    if line.column == "span":
        start = max(0, (request.text_pair or request.text).find(line.value)) if line.value else 0
        return SpanAnswer(text=line.value, start=start, end=start + len(line.value))
    return FreeText(text=line.value)


def _implied(line: Prediction, card: Benchmark) -> str | None:
    """The rule of a line that names none; `None` for an error or a refusal."""
    if line.column in _ANY:
        return None
    if line.column == "text" and card.request in _DEFAULTS:
        return "text"
    return _RULES.get(line.column, SAVED)


def _find(
    line: Prediction, by_id: Mapping[str, Sample], by_row: Mapping[str, list[str]]
) -> Sample | None:
    """The sample that a line answers; `None` for a row of a pack that is not audited, or of none."""
    if line.id in by_id:
        return by_id[line.id]
    names = by_row.get(line.id, [])
    if len(names) > 1:
        raise ModelError(f'{line.where}: "{line.id}" is a row of {len(names)} packs; write {" or ".join(names)}')
    if names:
        return by_id[names[0]]
    return None


def _check_column(line: Prediction, card: Benchmark) -> None:
    columns = _COLUMNS.get(card.request, ())
    if line.column not in (*columns, *_ANY):
        raise ModelError(f'{line.where}: "{line.column}" answers no {card.request} row; use {" or ".join(columns)}')


def _check(line: Prediction, card: Benchmark, sample: Sample) -> None:
    if line.column == "scores" and len(line.value) != len(sample.choices):
        raise ModelError(
            f'{line.where}: "scores" holds {len(line.value)} numbers for {len(sample.choices)} options; give one each'
        )
    if line.column == "scores" and line.rule == "similarity" and max(map(abs, line.value)) > 1 + 1e-9:
        raise ModelError(f'{line.where}: "scores": a similarity lies between -1 and 1; leave the rule out')
    if line.column == "tags" and len(line.value) != len(sample.words):
        raise ModelError(f'{line.where}: "tags" holds {len(line.value)} for {len(sample.words)} words; give one a word')
    if line.column == "span" and not any(line.value in text for text in sample.input.values()):
        raise ModelError(f'{line.where}: "span" is not in the passage; copy it letter by letter, or write "text"')
    several = card.request == "classify" and sample.target is None
    if line.column == "probabilities" and sum(line.value.values()) > 1.01 and not several:
        raise ModelError(f'{line.where}: "probabilities" must be at least 0, and sum to at most 1')
    fits = {
        "letter": "answer", "text": "text", "label": "probabilities", "probabilities": "probabilities",
        **{rule: column for column, rule in _RULES.items()},
    }
    needed = None if line.rule in (None, SAVED) else fits.get(line.rule or "", "scores")
    if needed is not None and line.column not in (needed, *_ANY):
        raise ModelError(f'{line.where}: rule "{line.rule}" goes with "{needed}", not with "{line.column}"')
    if line.column in ("answer", "text") and sample.choices and line.rule in (None, SAVED):
        _one_reading(line, sample)


def _one_reading(line: Prediction, sample: Sample) -> None:
    """An answer that is one option's label and another's text or letter says nothing."""
    readings = [
        (f"the {part} of option {letter}", choice.label)
        for letter, choice in zip(ascii_uppercase, sample.choices, strict=False)
        for part, name in (("label", choice.label), ("text", choice.text), ("letter", letter))
        if name == line.value
    ]
    if len({label for _, label in readings}) > 1:
        kinds = " and ".join(kind for kind, _ in readings)
        raise ModelError(f'{line.where}: "{line.value}" is {kinds}; write "scores" or "probabilities" instead')
