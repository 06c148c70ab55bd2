"""Saved predictions: a file of a model's answers in the place of the model.

A `.jsonl` file holds one object a line, a `.csv` file the same values by column. One line answers one sample:

| column | holds |
| --- | --- |
| `id` | the sample: `pack/row-id`, or `row-id` alone where one audited pack has it |
| `answer` | `choose`, `compare`, `classify`: the label of an option, its text, its letter (`B`), or all that was said |
| `scores` | `choose`, `compare`, `classify`: one number an option, in the row's order; the highest is the answer |
| `probabilities` | `choose`, `classify`: class label to probability |
| `text` | `generate`: what the model wrote |
| `error` | the model failed on this sample, and why: counted as errored |
| `refused` | the model, or its provider, refused: what it said, perhaps nothing |
| `rule` | optional: the rule of the card that made the answers, e.g. `loglikelihood`; one in a whole pack |

A line has exactly one of `answer`, `scores`, `probabilities`, `text`, `error` and `refused`. In CSV an empty cell is
absent, `scores` stand in `scores.0` …, probabilities in `probabilities.LABEL`. A sample without a line is not run: it
is counted and bounded, never filled in (two samples that ask exactly the same share one answer). Lines about rows that
`--limit` leaves out, or about a built-in pack that is not audited, are passed over.

Without `rule` the signature says `saved`: how the answers came about is not known, so that they are not compared with
answers whose rule is. Scores are taken as they are: no normaliser is applied to them.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded
from auditkit.models.fingerprint import source_sha256
from auditkit.schema import Benchmark, OptionScore, Output, Request, Sample, Subject, repair

SCHEME = "predictions:"
SAVED = "saved"
"""The rule of an answer whose rule is not known."""

_TEXTS = ("answer", "text", "error", "refused", "rule")
_VALUES = ("answer", "scores", "probabilities", "text", "error", "refused")
_ANY = ("error", "refused")
_COLUMNS = ("id", *_VALUES, "rule")
_TAKES = {
    "choose": ("answer", "scores", "probabilities"), "compare": ("answer", "scores"),
    "classify": ("answer", "scores", "probabilities"), "generate": ("text",),
}
"""Request kind to the columns that can answer it, beside `error` and `refused`."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One line of the file."""

    where: str
    """`file:line`, for messages."""
    id: str
    """As written."""
    column: str
    """Which of the value columns it has."""
    value: Any
    """Text, a tuple of floats, or a mapping of label to probability."""
    rule: str | None = None


class Predictions:
    """A file of answers, placed on the samples of the audited packs."""

    def __init__(
        self, path: Path, packs: Mapping[str, Benchmark], rows: Sequence[Sample], others: Sequence[str] = ()
    ) -> None:
        """Read and place the file.

        Args:
            path: the `.jsonl` or `.csv` file.
            packs: name to card of each audited pack.
            rows: every sample of these packs, whether or not it is audited.
            others: names of packs that are not audited: lines about their rows are passed over.

        Raises:
            ModelError: `file:line: what, and what to do` for what cannot be read, an unknown or doubled id, a wrong
                column, a wrong number of scores, a number that is not finite, or an answer that can be read two ways.
        """
        content = _content(path)
        self._subject = _subject(path, hashlib.sha256(content).hexdigest())
        self._placed: dict[str, Prediction] = {}
        self._rules: dict[str, str] = {}
        by_id = {sample.id: sample for sample in rows}
        by_row: dict[str, list[str]] = {}
        for name in by_id:
            by_row.setdefault(name.partition("/")[2], []).append(name)
        for line in _lines(content, path):
            sample = _find(line, by_id, by_row, others)
            if sample is None:
                continue
            if sample.id in self._placed:
                first = self._placed[sample.id].where
                raise ModelError(f'{line.where}: "{sample.id}" was answered at {first}; keep one line a sample')
            card = packs[sample.benchmark]
            self._one_rule(line, card)
            _check(line, card, sample)
            self._placed[sample.id] = line

    def _one_rule(self, line: Prediction, card: Benchmark) -> None:
        default = "text" if card.request == "generate" else SAVED
        rule = default if line.rule is None else line.rule
        if rule not in (*card.rules, default):
            raise ModelError(f'{line.where}: "rule": {card.name} has no rule "{rule}"; it has: {", ".join(card.rules)}')
        if self._rules.setdefault(card.name, rule) != rule:
            known = self._rules[card.name]
            raise ModelError(
                f'{line.where}: "rule" is "{rule}", but "{known}" on other lines of {card.name}; a pack has one rule'
            )

    def rule(self, card: Benchmark) -> str:
        """The rule that the file names for a pack, `saved` where it names none."""
        return self._rules.get(card.name, "text" if card.request == "generate" else SAVED)

    def holds(self, sample: Sample) -> bool:
        """Whether the file has a line for a sample."""
        return sample.id in self._placed

    def agree(self, one: Sample, other: Sample) -> None:
        """Check that two samples that ask exactly the same have the same answer.

        Raises:
            ModelError: they differ; names both lines.
        """
        first, second = self._placed[one.id], self._placed[other.id]
        if (first.column, first.value) != (second.column, second.value):
            raise ModelError(
                f"{second.where}: {other.id} asks exactly what {one.id} ({first.where}) asks, but is answered "
                f"otherwise; give both the same answer"
            )

    def adapter(self, samples: Mapping[str, Sample]) -> PredictionsAdapter:
        """The adapter that answers with the file's lines; `samples` is request sha256 to sample."""
        return PredictionsAdapter(self._subject, {sha: self._placed[sample.id] for sha, sample in samples.items()})


class PredictionsAdapter:
    """Answers with what a file says."""

    cacheable = False

    def __init__(self, subject: Subject, predictions: Mapping[str, Prediction]) -> None:
        self._subject = subject
        self._predictions = predictions

    @property
    def subject(self) -> Subject:
        """The file: its fingerprint is the sha256 of its bytes."""
        return self._subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """By request kind; a rule that the file names comes on top."""
        return {"choose": (SAVED,), "compare": (SAVED,), "generate": ("text",), "classify": (SAVED,)}

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Nothing to tokenise: batched by count."""
        return [Encoded(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch, in order.

        Raises:
            MeasurementError: a request belongs to no line of the file.
        """
        for each in batch:
            request = each.request
            line = self._predictions.get(request.sha256)
            if line is None:
                raise MeasurementError(f"request {request.sha256[:12]} belongs to no line of the predictions")
            yield Output(request=request.sha256, rule=request.rule, **_values(line))


def _subject(path: Path, sha256: str) -> Subject:
    parts = {"adapter": "predictions", "file": sha256, "source": source_sha256()}
    return Subject(name=f"{SCHEME}{path}", kind="predictions", fingerprint=sha256, parts=parts)


def _values(line: Prediction) -> dict[str, Any]:
    if line.column == "scores":
        # One token and one byte: whatever the rule's normaliser, the score stays what the file says.
        return {"options": tuple(OptionScore(sum=value, tokens=1, bytes=1) for value in line.value)}
    if line.column == "error":
        return {"error": " ".join(line.value.split())[:300]}
    if line.column == "probabilities":
        return {"probabilities": line.value}
    if line.column == "refused":
        return {"text": line.value, "finish_reason": "refusal"}
    return {"text": line.value}


def _find(
    line: Prediction, by_id: Mapping[str, Sample], by_row: Mapping[str, list[str]], others: Sequence[str]
) -> Sample | None:
    """The sample that a line answers; `None` for a row of a pack that is not audited."""
    if line.id in by_id:
        return by_id[line.id]
    found = by_row.get(line.id, [])
    if len(found) > 1:
        raise ModelError(f'{line.where}: "{line.id}" is a row of {len(found)} packs; write {" or ".join(found)}')
    if found:
        return by_id[found[0]]
    if line.id.partition("/")[0] in others:
        return None
    close = difflib.get_close_matches(line.id, [*by_id, *by_row], n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"?' if close else "an id is pack/row-id, as `auditkit show` names it"
    raise ModelError(f'{line.where}: no audited pack has a row "{line.id}"; {hint}')


def _check(line: Prediction, card: Benchmark, sample: Sample) -> None:
    takes = _TAKES.get(card.request, ())
    if line.column not in (*takes, *_ANY):
        raise ModelError(f'{line.where}: "{line.column}" answers no {card.request} row; use {" or ".join(takes)}')
    if line.column == "scores" and len(line.value) != len(sample.choices):
        raise ModelError(
            f'{line.where}: "scores" holds {len(line.value)} numbers for {len(sample.choices)} options; give one each'
        )
    fits = {"letter": "answer", "text": "text", "label": "probabilities", "probabilities": "probabilities"}
    needed = None if line.rule in (None, SAVED) else fits.get(line.rule or "", "scores")
    if needed is not None and line.column not in (needed, *_ANY):
        raise ModelError(f'{line.where}: rule "{line.rule}" goes with "{needed}", not with "{line.column}"')
    if line.column == "answer" and line.rule in (None, SAVED):
        _one_reading(line, sample)


def _one_reading(line: Prediction, sample: Sample) -> None:
    """An answer that is one option's label and another's text or letter says nothing."""
    readings = [
        (f"the {what} of option {letter}", choice.label)
        for letter, choice in zip(ascii_uppercase, sample.choices, strict=False)
        for what, name in (("label", choice.label), ("text", choice.text), ("letter", letter))
        if name == line.value
    ]
    if len({label for _, label in readings}) > 1:
        kinds = " and ".join(kind for kind, _ in readings)
        raise ModelError(f'{line.where}: "{line.value}" is {kinds}; write "scores" or "probabilities" instead')


def _content(path: Path) -> bytes:
    if path.suffix not in (".jsonl", ".csv"):
        raise ModelError(f"{path}: predictions are a .jsonl or .csv file; convert it")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; write {SCHEME}FILE") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None


def _lines(content: bytes, path: Path) -> Iterator[Prediction]:
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ModelError(f"{path}:{line}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    if not text.strip():
        raise ModelError(f"{path}: the file is empty; add one line a sample")
    rows = _jsonl(text, path) if path.suffix == ".jsonl" else _csv(text, path)
    for number, row in rows:
        yield _prediction(row, f"{path}:{number}")


def _jsonl(content: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # Split at "\n" alone: str.splitlines() also splits at U+0085 and U+2028, which texts may hold.
    for number, line in enumerate(content.removesuffix("\n").split("\n"), start=1):
        where = f"{path}:{number}"
        try:
            row = json.loads(line, object_pairs_hook=partial(_unique, where))
        except json.JSONDecodeError as error:
            raise ModelError(f"{where}: not valid JSON at column {error.colno}: {error.msg}; mend the line") from None
        except RecursionError:
            raise ModelError(f"{where}: nested too deeply; a line is a flat object") from None
        if not isinstance(row, dict):
            raise ModelError(f"{where}: expected a JSON object, found {type(row).__name__}; write {{...}} on each line")
        yield number, row


def _unique(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelError(f'{where}: "{twice}" is given twice; keep one')
    return dict(pairs)


def _csv(content: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    table = csv.reader(io.StringIO(content, newline=""), strict=True)
    header: list[str] = []
    begins = 1
    try:
        for cells in table:
            where = f"{path}:{begins}"
            if not header:
                header = cells
                _unique(where, [(name, None) for name in header])
            elif len(cells) != len(header):
                raise ModelError(f"{where}: {len(cells)} cells under {len(header)} columns; mend the row")
            else:
                yield begins, _nested(header, cells, where)
            begins = table.line_num + 1
    except csv.Error as error:
        raise ModelError(f"{path}:{begins}: not valid CSV: {error}; mend the quotes") from None


def _nested(header: Sequence[str], cells: Sequence[str], where: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    scores: dict[int, float] = {}
    for name, cell in zip(header, cells, strict=True):
        head, dot, rest = name.partition(".")
        if not cell:
            continue
        if head == "scores" and re.fullmatch("0|[1-9][0-9]?", rest):
            scores[int(rest)] = _number(cell, where, name)
        elif head == "probabilities" and dot:
            row.setdefault(head, {})[rest] = _number(cell, where, name)
        elif name in ("scores", "probabilities"):
            raise ModelError(f'{where}: "{name}": a CSV file has a column each: {name}.{"0" if rest else "…"}')
        else:
            row[name] = cell
    if scores:
        if sorted(scores) != list(range(len(scores))):
            raise ModelError(f'{where}: "scores" has a gap; give a number for every option')
        row["scores"] = [scores[at] for at in range(len(scores))]
    return row


def _number(cell: str, where: str, name: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ModelError(f'{where}: "{name}": {cell!r:.40} is no number; mend it') from None


def _prediction(row: dict[str, Any], where: str) -> Prediction:
    for name in row:
        if name not in _COLUMNS:
            close = difflib.get_close_matches(name, _COLUMNS, n=1, cutoff=0.5)
            hint = f'did you mean "{close[0]}"?' if close else f"columns: {', '.join(_COLUMNS)}"
            raise ModelError(f'{where}: unknown column "{name}"; {hint}')
    row = {name: value for name, value in row.items() if value is not None}
    sample = row.get("id")
    if not isinstance(sample, str) or not sample:
        raise ModelError(f'{where}: "id" is missing or no text; give the sample\'s id')
    given = [column for column in _VALUES if column in row]
    if len(given) != 1:
        found = f"{' and '.join(given)} are given" if given else "none is given"
        raise ModelError(f"{where}: a line needs exactly one of {', '.join(_VALUES)}; {found}")
    for column in _TEXTS:
        if column in row and not isinstance(row[column], str):
            raise ModelError(f'{where}: "{column}" must be text (given: {row[column]!r:.40}); put it in quotes')
    if not row.get("error", "x").strip():
        raise ModelError(f'{where}: "error" is empty; say why the sample has no answer')
    return Prediction(where, sample, given[0], _value(given[0], row[given[0]], where), row.get("rule"))


def _value(column: str, value: Any, where: str) -> Any:
    if column == "scores":
        return _scores(value, where)
    return _probabilities(value, where) if column == "probabilities" else repair(value)[0]


def _scores(value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, list) or not value:
        raise ModelError(f'{where}: "scores" must be a list of numbers, one an option')
    return tuple(_finite(item, f"scores.{at}", where) for at, item in enumerate(value))


def _probabilities(value: Any, where: str) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise ModelError(f'{where}: "probabilities" must map each label to a number')
    found = {label: _finite(item, f"probabilities.{label}", where) for label, item in value.items()}
    if min(found.values()) < 0 or sum(found.values()) > 1.01:
        raise ModelError(f'{where}: "probabilities" must be at least 0 and sum to at most 1')
    return found


def _finite(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelError(f'{where}: "{name}" must be a number (given: {value!r:.40})')
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ModelError(f'{where}: "{name}" is not finite; leave the line out where there is no answer')
    return number
