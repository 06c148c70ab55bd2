"""samples.parquet: one row a sample and metric, for pandas and for paired comparison."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import islice
from json.encoder import encode_basestring
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import Sample, Score, canonical, digest, variant_name
from auditkit.store.files import PRIVATE, open_plain, replacing

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from pyarrow import parquet


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One sample's value of one metric, with what a paired comparison needs."""

    sample_id: str
    """The sample, or the origin for a metric over twins."""
    benchmark: str
    metric: str
    arm: str
    """The sample's arm; the arms of all twins, joined by `+`, for a metric over twins."""
    variant: str
    """The variant of a robustness run; empty for the clean samples."""
    origin: str
    value: float | None
    """`None` is not scored, never 0."""
    reason: str | None
    """Why there is no value."""
    answer: str | None
    """The answer as parsed."""
    cluster: str
    """Id of the cluster; of the first factor by name where two cross."""
    clusters: str
    """All cluster ids as canonical JSON, factor to id."""
    groups: str
    """Axis to group, as canonical JSON."""
    content: str
    """sha256 of what was asked and what counts as right: rows of two audits are compared by it."""
    text: str
    """sha256 of the input fields alone: rows that ask the same have the same, whatever counts as right."""
    target: str | None
    """What counts as right; `None` where nothing does, the audit keeps no texts, or twins differ in it."""
    parts: str | None = None
    """What a statistic over the corpus adds up or ranks, as canonical JSON; the file has this column only where some
    row has it."""


_COLUMNS = [field.name for field in fields(ScoreRow)]
_cells = attrgetter(*_COLUMNS)
"""A row as a tuple of its columns."""
_NOT_CONTENT = {"id", "source", "clusters", "origin", "metadata"}
"""What of a sample is neither asked nor right."""


_CHUNK = 20_000
"""Rows that are made into columns at once."""


def content_sha256(sample: Sample) -> str:
    """Hash of a sample's content: all but its id, its place in the file, clusters, origin and metadata."""
    return digest(sample.model_dump(mode="json", exclude=_NOT_CONTENT))


class ScoreRows:
    """Scores joined with the samples, or origins (`origin` or `pack/origin`), that they are of.

    Rows are made each time they are iterated over, sorted by sample, metric and benchmark: all of them together would
    take more memory than everything else that an audit holds.
    """

    def __init__(
        self, samples: Iterable[Sample], scores: Iterable[Score], targets: Mapping[str, str | None] | None = None
    ) -> None:
        """Sort the scores and find whose they are.

        Args:
            samples: of the audit.
            scores: of them.
            targets: sample id to the target that is kept; by default the sample's own.

        Raises:
            MeasurementError: a score of a sample that is not there, or two scores of one sample and metric that differ.
        """
        self._owners = _Owners(samples, targets)
        # by the second key first: a sort keeps the order of equals, and needs no pair of keys a score
        ordered = sorted(scores, key=lambda score: score.metric)
        ordered.sort(key=lambda score: score.sample_id)
        self._scores: list[Score] = []
        for score in ordered:
            last = self._scores[-1] if self._scores else None
            if last is None or (last.sample_id, last.metric) != (score.sample_id, score.metric):
                self._owners.check(score)
                self._scores.append(score)
            elif last != score:
                raise MeasurementError(f"{score.sample_id}: two different scores of {score.metric}")

    def __len__(self) -> int:
        """How many rows."""
        return len(self._scores)

    def __iter__(self) -> Iterator[ScoreRow]:
        """The rows, in order."""
        owner = None
        for score in self._scores:
            if owner is None or owner.id != score.sample_id:
                owner = self._owners.owner(score)
            yield ScoreRow(
                sample_id=score.sample_id, benchmark=owner.benchmark, metric=score.metric, arm=owner.arm,
                variant=owner.variant, origin=owner.origin, value=score.value, reason=score.reason,
                answer=score.answer, cluster=owner.cluster, clusters=owner.clusters, groups=owner.groups,
                content=owner.content, text=owner.text, target=owner.target,
                parts=canonical(score.parts).decode("utf-8") if score.parts else None,
            )

    @property
    def columns(self) -> list[str]:
        """Names of the columns; `parts` only where some row has them."""
        return _COLUMNS if any(score.parts for score in self._scores) else _COLUMNS[:-1]

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical rows: of what samples.parquet says, not of its bytes.

        Raises:
            ValueError: a value is NaN or infinite.
        """
        return rows_sha256(self)


@dataclass(frozen=True, slots=True)
class _Owner:
    """What all rows of a sample, or of an origin's twins, have in common; see `ScoreRow`."""

    id: str
    benchmark: str
    arm: str
    variant: str
    origin: str
    cluster: str
    clusters: str
    groups: str
    content: str
    text: str
    target: str | None


class _Owners:
    """What a score's `sample_id` stands for: a sample, or all twins of an origin (`origin~VARIANT`: of a variant)."""

    def __init__(self, samples: Iterable[Sample], targets: Mapping[str, str | None] | None) -> None:
        self._samples = {sample.id: sample for sample in samples}
        self._targets = targets
        self._contents: dict[str, str] = {}

    @cached_property
    def _twins(self) -> Mapping[str, list[Sample]]:
        """Origin to its samples: only metrics over twins ask for them."""
        twins: dict[str, list[Sample]] = {}
        for sample in self._samples.values():
            for name in (sample.origin, f"{sample.benchmark}/{sample.origin}"):
                twins.setdefault(variant_name(name, sample.variant), []).append(sample)
        return twins

    def check(self, score: Score) -> None:
        """Refuse a score that belongs to nobody, or to two packs.

        Raises:
            MeasurementError: it does.
        """
        if score.sample_id in self._samples:
            return
        members = self._twins.get(score.sample_id, ())
        if not members:
            raise MeasurementError(f"{score.sample_id}: has a score of {score.metric}, but is no sample and no origin")
        packs = {sample.benchmark for sample in members}
        if len(packs) > 1:
            raise MeasurementError(
                f"{score.sample_id}: is an origin in {' and '.join(sorted(packs))}; give it another name in one of them"
            )

    def owner(self, score: Score) -> _Owner:
        """Whose a checked score is."""
        alone = self._samples.get(score.sample_id)
        members = [alone] if alone else sorted(self._twins[score.sample_id], key=_arm_and_id)
        first = members[0]
        contents = [self._content(sample) for sample in members]
        texts = [digest(sample.input) for sample in members]
        targets = {self._target(sample) for sample in members}
        return _Owner(
            id=score.sample_id,
            benchmark=first.benchmark,
            arm="+".join(dict.fromkeys(sample.arm for sample in members)),
            variant=first.variant,
            origin=first.origin,
            cluster=first.clusters[min(first.clusters)] if first.clusters else first.origin,
            clusters=canonical(first.clusters).decode("utf-8"),
            groups=canonical(first.groups).decode("utf-8"),
            content=contents[0] if alone else digest(contents),
            text=texts[0] if alone else digest(texts),
            target=targets.pop() if len(targets) == 1 else None,
        )

    def _target(self, sample: Sample) -> str | None:
        return sample.target if self._targets is None else self._targets.get(sample.id)

    def _content(self, sample: Sample) -> str:
        """The hash of a sample's content; made once, though the rows are made twice."""
        if sample.id not in self._contents:
            self._contents[sample.id] = content_sha256(sample)
        return self._contents[sample.id]


def _arm_and_id(sample: Sample) -> tuple[str, str]:
    return sample.arm, sample.id


def rows_sha256(rows: Iterable[ScoreRow]) -> str:
    """Hash of the canonical rows of samples.parquet, in their order.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    total = hashlib.sha256()
    for row in rows:
        cells = _cells(row) if row.parts is not None else _cells(row)[:-1]
        # as `canonical` writes the array, in a fifth of the time: a million texts need no search for numbers
        total.update(f"[{','.join(map(_json, cells))}]\n".encode())
    return total.hexdigest()


def _json(cell: str | float | None) -> str:
    """A cell as canonical JSON.

    Raises:
        TypeError: it is neither text nor number.
        ValueError: it is NaN or infinite.
    """
    if cell is None:
        return "null"
    return canonical(cell).decode("utf-8") if isinstance(cell, float) else encode_basestring(cell)


def write_samples(path: Path, rows: ScoreRows, mode: int = PRIVATE) -> str:
    """Write samples.parquet, sorted by sample, metric and benchmark.

    Returns:
        The hash of its canonical rows: what `Audit.samples_sha256` pins.

    Raises:
        MeasurementError: the disk is full, or a value is NaN.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        value = rows.sha256
    except ValueError as error:
        raise MeasurementError(f"{path}: cannot be written: {error}") from None
    names, remaining = rows.columns, iter(rows)
    schema = pyarrow.schema([(name, pyarrow.float64() if name == "value" else pyarrow.string()) for name in names])
    with (
        replacing(path, mode) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file,
        parquet.ParquetWriter(file, schema) as writer,
    ):
        while chunk := list(islice(remaining, _CHUNK)):
            columns = [[getattr(row, name) for row in chunk] for name in names]
            writer.write_table(pyarrow.table(columns, schema=schema))
    return value


def read_samples(path: Path, sha256: str | None = None) -> pyarrow.Table:
    """Read samples.parquet; `.to_pandas()` makes a data frame of it.

    Args:
        path: the file.
        sha256: what the audit pins, if it is to be checked.

    Raises:
        RunFolderError: there is no such file.
        RecordError: damaged, other columns, or not what the audit pins.
    """
    with _opened(path) as file:
        table = file.read()
    if sha256 is not None:
        _check(path, table.to_batches(max_chunksize=_CHUNK), sha256)
    return table


def check_samples(path: Path, sha256: str) -> None:
    """Check the rows of samples.parquet, a few at a time, against their hash.

    Raises:
        RunFolderError, RecordError: as `read_samples`.
    """
    with _opened(path) as file:
        _check(path, file.iter_batches(batch_size=_CHUNK), sha256)


@contextmanager
def _opened(path: Path) -> Iterator[parquet.ParquetFile]:
    import pyarrow
    from pyarrow import parquet

    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file, parquet.ParquetFile(file) as table:
            if table.schema_arrow.names not in (_COLUMNS, _COLUMNS[:-1]):
                raise RecordError(f"{path}: expected the columns {', '.join(_COLUMNS)}; give the audit command again")
            yield table
    except (FileNotFoundError, NotADirectoryError):
        raise RunFolderError(f"{path}: no such file; give the audit command again: it writes it anew") from None
    except (OSError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read: {error}; give the audit command again") from None


def _check(path: Path, batches: Iterable[pyarrow.RecordBatch], sha256: str) -> None:
    rows = (ScoreRow(*cells) for batch in batches for cells in zip(*map(_values, batch.columns), strict=True))
    try:
        same = rows_sha256(rows) == sha256
    except (TypeError, ValueError):  # cells that are no texts and numbers
        same = False
    if not same:
        raise RecordError(f"{path}: its rows are not those that audit.json pins; give the audit command again")


def _values(column: pyarrow.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def read_frame(path: Path, sha256: str | None = None) -> pandas.DataFrame:
    """The same as a pandas data frame; a value that is not there is NaN there."""
    frame: pandas.DataFrame = read_samples(path, sha256).to_pandas()
    return frame
