"""Rows to samples: every row is checked, and a fault is named by file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import Field, ValidationError

from auditkit.errors import PackError
from auditkit.formats.text import lone_surrogate
from auditkit.load.files import Row
from auditkit.load.packs import Pack, display
from auditkit.load.requests import prompt
from auditkit.schema import MARK, PLAUSIBILITY, Benchmark, Choice, Fact, Record, Sample, Source, digest
from auditkit.schema.faults import first_fault

Truth = tuple[str | None, tuple[str, ...], tuple[str, ...]]
"""Target, references and tags."""


class _Row(Record):
    id: str | None = Field(default=None, min_length=1)
    input: dict[str, str] = Field(default_factory=dict)
    target: str | None = None
    references: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    groups: dict[str, str] = Field(default_factory=dict)
    clusters: dict[str, str] = Field(default_factory=dict)
    origin: str | None = Field(default=None, min_length=1)
    arm: str = Field(default="base", min_length=1)
    metadata: dict[str, Fact] = Field(default_factory=dict)


def read_samples(pack: Pack) -> list[Sample]:
    """All samples of a pack, in the order of its files.

    A row without an id gets 12 hex digits of its content's hash, a repeated one `-2`, `-3`.

    Raises:
        PackError: `file:line: what, and what to do` for a missing, unknown or wrongly typed key, a lone surrogate, a
            target that is not the label of a choice, an empty or doubled choice, a missing cluster, an axis that the
            card does not name, a doubled id, two rows that ask the same but differ in labels or target, and for an
            arm, a metadata key or a template field of the card that the rows lack.
    """
    _, samples = samples_of(pack.card, _rows(pack))
    for file in pack.every_file:
        file.release()
    _check_card(pack, samples)
    return [sample for sample in samples if sample.arm in pack.arms] if pack.arms else samples


def samples_of(
    card: Benchmark, rows: Iterable[tuple[str, str, Row]], *, conflicts: bool = False
) -> tuple[Benchmark, list[Sample]]:
    """Rows to samples, checked one by one and against each other.

    Args:
        card: the benchmark.
        rows: each with its file, and its place as messages name it.
        conflicts: leave out a row that asks what an earlier one asks, with another answer, rather than refuse it.

    Returns:
        The card, with the rows that were left out, and the samples, in order.

    Raises:
        PackError: as `read_samples`.
    """
    samples: list[Sample] = []
    places: dict[str, str] = {}
    requests: dict[str, tuple[tuple[str, ...], Truth, str]] = {}
    anonymous: dict[str, int] = {}
    left_out = dict(card.left_out)
    missing = set(left_out)
    for file, where, row in rows:
        parsed = _parse(row, where, card)
        row_id = parsed.id or _content_id(row.data, anonymous)
        if row_id in places:
            raise PackError(f'{where}: the id "{row_id}" was given at {places[row_id]}; make ids unique')
        places[row_id] = where
        missing.discard(row_id)
        if row_id in left_out:
            continue
        sample = _sample(card, parsed, row_id, Source(file=file, line=row.line))
        try:
            _same_request(card, sample, where, requests)
        except _ConflictError as error:
            if not conflicts:
                raise PackError(str(error)) from None
            left_out[row_id] = "asks what an earlier row asks, with another answer"
            continue
        samples.append(sample)
    if card.upstream is not None and len(places) != card.rows:
        raise PackError(f"{card.name}: its files hold {len(places)} rows, not {card.rows} as sealed; correct the card")
    if missing:
        raise PackError(f'{card.name}: "left_out": no row has the id "{sorted(missing)[0]}"; remove it from the card')
    return card.model_copy(update={"left_out": left_out}), samples


class _ConflictError(Exception):
    """Two rows that ask the same have different answers."""


def _rows(pack: Pack) -> Iterator[tuple[str, str, Row]]:
    for file in pack.files:
        for row in pack.reader(file, pack.beside):
            yield file.name, f"{file.where}:{row.line}", row
        file.release()


def _content_id(data: dict[str, Any], anonymous: dict[str, int]) -> str:
    stem = digest(data)[:12]
    anonymous[stem] = anonymous.get(stem, 0) + 1
    return stem if anonymous[stem] == 1 else f"{stem}-{anonymous[stem]}"


def _sample(card: Benchmark, row: _Row, row_id: str, source: Source) -> Sample:
    return Sample(
        id=f"{card.name}/{row_id}",
        benchmark=card.name,
        input=row.input,
        target=row.target,
        references=row.references,
        words=row.words,
        tags=row.tags,
        choices=row.choices or card.choices,
        groups=row.groups,
        clusters={factor: row.clusters[factor] for factor in card.clusters},
        origin=f"{card.name}/{row.origin or row_id}",
        arm=row.arm,
        source=source,
        metadata=row.metadata,
    )


def _parse(row: Row, where: str, card: Benchmark) -> _Row:
    if (path := lone_surrogate(row.data)) is not None:
        raise PackError(f'{where}: "{path}" holds a lone surrogate (half a character); write the whole character')
    try:
        parsed = _Row.model_validate(row.data)
    except ValidationError as error:
        raise PackError(f"{where}: {first_fault(error, _Row)}") from None
    if "target" not in row.data and card.request in ("choose", "compare", "classify") and not parsed.references:
        raise PackError(f'{where}: "target" is missing; add it or set request: generate in card.yaml')
    if MARK in parsed.arm:
        raise PackError(f'{where}: "arm": "{MARK}" marks the variants of a robustness run; rename the arm')
    if parsed.arm == PLAUSIBILITY:
        raise PackError(f'{where}: "arm": "{PLAUSIBILITY}" is that of twins that auditkit makes; rename the arm')
    _check_choices(parsed, where, card)
    _check_words(parsed, where, card)
    for factor in card.clusters:
        if not parsed.clusters.get(factor):
            raise PackError(f'{where}: "clusters.{factor}" is missing; add the id of what the row shares with others')
    for axis in parsed.groups:
        if axis not in card.groups:
            axes = f"the card's groups are: {', '.join(card.groups) or 'none'}"
            raise PackError(f'{where}: "groups.{axis}" is not an axis of this pack; {axes}')
    return parsed


def check_tags(tags: Sequence[str], words: Sequence[str], where: str) -> None:
    """Refuse tags that are not one a word.

    Raises:
        PackError: their numbers differ; the message begins with `where`.
    """
    if len(tags) != len(words):
        raise PackError(f'{where}: "tags" holds {len(tags)} for {len(words)} words; give one a word')


def _check_words(row: _Row, where: str, card: Benchmark) -> None:
    if card.request == "tag" and not row.words:
        raise PackError(f'{where}: "words" is missing or empty; request: tag needs a list of words')
    if row.tags:
        check_tags(row.tags, row.words, where)
    if any(not word.strip() for word in row.words):
        raise PackError(f'{where}: "words.{[bool(w.strip()) for w in row.words].index(False)}" is empty; leave it out')


def _check_choices(row: _Row, where: str, card: Benchmark) -> None:
    if card.request in ("choose", "compare") and len(row.choices) < 2:
        raise PackError(f'{where}: "choices" holds {len(row.choices)}; request: {card.request} needs two or more')
    texts = [choice.text for choice in row.choices]
    for i, choice in enumerate(row.choices):
        if not choice.text.strip():
            raise PackError(f'{where}: "choices.{i}.text" is empty; write the text that the model sees')
        if texts.index(choice.text) != i:
            raise PackError(f'{where}: "choices.{i}.text" repeats choice {texts.index(choice.text)}; every model ties')
    labels = [choice.label for choice in row.choices or card.choices]
    for key, value in (("target", row.target), *(("references", label) for label in row.references)):
        if labels and value is not None and value not in labels:
            raise PackError(f'{where}: "{key}": no choice has the label "{value}"; labels: {", ".join(labels)}')




def _same_request(
    card: Benchmark, sample: Sample, where: str, requests: dict[str, tuple[tuple[str, ...], Truth, str]]
) -> None:
    try:
        text = prompt(card, sample)
    except PackError as error:
        raise PackError(f"{where}: {error}") from None
    key = digest([text, [choice.text for choice in sample.choices], sample.words])
    truth: Truth = (sample.target, sample.references, sample.tags)
    labels, other, first = requests.setdefault(key, (sample.labels, truth, where))
    if labels != sample.labels or truth != other:
        differ = "labels" if labels != sample.labels else "target"
        raise _ConflictError(
            f"{where}: asks exactly what {first} asks, but its {differ} differs; a model cannot know which"
        )


def _check_card(pack: Pack, samples: list[Sample]) -> None:
    card = display(pack.folder / "card.yaml")
    arms = sorted({sample.arm for sample in samples})
    keys = {key for sample in samples for key in sample.metadata}
    for i, use in enumerate(pack.card.metrics):
        if use.arm != "all" and use.arm not in arms:
            raise PackError(f'{card}: "metrics.{i}.arm": no row has the arm "{use.arm}"; arms: all, {", ".join(arms)}')
        for key in (key for keys in use.slice_keys for key in keys):
            if key not in keys:
                listed = ", ".join(sorted(keys)) or "none"
                raise PackError(f'{card}: "metrics.{i}.slices": no row has metadata "{key}"; there is: {listed}')
