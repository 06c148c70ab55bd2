"""samples.parquet: one row a sample and metric, for pandas and for paired comparison."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import Sample, Score, canonical, digest, variant_name
from auditkit.store.files import PRIVATE, open_plain, replacing

if TYPE_CHECKING:
    import pandas
    import pyarrow


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
    parts: str | None = None
    """What a statistic over the corpus adds up or ranks, as canonical JSON; the file has this column only where some
    row has it."""


_COLUMNS = [field.name for field in fields(ScoreRow)]


def content_sha256(sample: Sample) -> str:
    """Hash of a sample's content: all but its id, its place in the file, clusters, origin and metadata."""
    left_out = {"id", "source", "clusters", "origin", "metadata"}
    return digest({name: value for name, value in sample.model_dump(mode="json").items() if name not in left_out})


def score_rows(samples: Iterable[Sample], scores: Iterable[Score]) -> list[ScoreRow]:
    """Join scores with the samples, or origins (`origin` or `pack/origin`), that they are of.

    Raises:
        MeasurementError: a score of a sample that is not there, or two scores of one sample and metric that differ.
    """
    rows: dict[tuple[str, str], tuple[Score, ScoreRow]] = {}
    owners = _Owners(samples)
    for score in scores:
        key = (score.sample_id, score.metric)
        if key not in rows:
            rows[key] = (score, owners.row(score))
        elif rows[key][0] != score:
            raise MeasurementError(f"{score.sample_id}: two different scores of {score.metric}")
    return [row for _, row in rows.values()]


class _Owners:
    """What a score's `sample_id` stands for: a sample, or all twins of an origin (`origin~VARIANT`: of a variant)."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples: dict[str, Sample] = {}
        self._twins: dict[str, list[Sample]] = {}
        for sample in samples:
            self._samples[sample.id] = sample
            for name in (sample.origin, f"{sample.benchmark}/{sample.origin}"):
                self._twins.setdefault(variant_name(name, sample.variant), []).append(sample)

    def row(self, score: Score) -> ScoreRow:
        """The row of one score."""
        alone = self._samples.get(score.sample_id)
        members = [alone] if alone else sorted(self._twins.get(score.sample_id, ()), key=_arm_and_id)
        if not members:
            raise MeasurementError(f"{score.sample_id}: has a score of {score.metric}, but is no sample and no origin")
        first = members[0]
        packs = {sample.benchmark for sample in members}
        if len(packs) > 1:
            raise MeasurementError(
                f"{score.sample_id}: is an origin in {' and '.join(sorted(packs))}; give it another name in one of them"
            )
        contents = [content_sha256(sample) for sample in members]
        return ScoreRow(
            sample_id=score.sample_id,
            benchmark=first.benchmark,
            metric=score.metric,
            arm="+".join(dict.fromkeys(sample.arm for sample in members)),
            variant=first.variant,
            origin=first.origin,
            value=score.value,
            reason=score.reason,
            answer=score.answer,
            cluster=first.clusters[min(first.clusters)] if first.clusters else first.origin,
            clusters=canonical(first.clusters).decode("utf-8"),
            groups=canonical(first.groups).decode("utf-8"),
            content=contents[0] if alone else digest(contents),
            parts=canonical(score.parts).decode("utf-8") if score.parts else None,
        )


def _arm_and_id(sample: Sample) -> tuple[str, str]:
    return sample.arm, sample.id


def samples_sha256(samples: Iterable[Sample], scores: Iterable[Score]) -> str:
    """Hash of the canonical rows of samples.parquet, in their order: of what the file says, not of its bytes."""
    return rows_sha256(score_rows(samples, scores))


def rows_sha256(rows: Iterable[ScoreRow]) -> str:
    """The same for rows."""
    total = hashlib.sha256()
    for row in _ordered(rows):
        total.update(canonical(astuple(row) if row.parts is not None else astuple(row)[:-1]) + b"\n")
    return total.hexdigest()


def write_samples(path: Path, rows: Iterable[ScoreRow], mode: int = PRIVATE) -> str:
    """Write samples.parquet, sorted by sample, metric and benchmark.

    Returns:
        The hash of its canonical rows: what `Audit.samples_sha256` pins.

    Raises:
        MeasurementError: the disk is full, or a value is NaN.
    """
    import pyarrow
    from pyarrow import parquet

    ordered = _ordered(rows)
    try:
        value = rows_sha256(ordered)
    except ValueError as error:
        raise MeasurementError(f"{path}: cannot be written: {error}") from None
    names = _COLUMNS if any(row.parts is not None for row in ordered) else _COLUMNS[:-1]
    schema = pyarrow.schema([(name, pyarrow.float64() if name == "value" else pyarrow.string()) for name in names])
    table = pyarrow.table([[getattr(row, name) for row in ordered] for name in names], schema=schema)
    with replacing(path, mode) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
        parquet.write_table(table, file)
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
    import pyarrow
    from pyarrow import parquet

    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
            table = parquet.read_table(file)
    except (FileNotFoundError, NotADirectoryError):
        raise RunFolderError(f"{path}: no such file; give the audit command again: it writes it anew") from None
    except (OSError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read: {error}; give the audit command again") from None
    if table.column_names not in (_COLUMNS, _COLUMNS[:-1]):
        raise RecordError(f"{path}: expected the columns {', '.join(_COLUMNS)}; give the audit command again")
    if sha256 is not None and rows_sha256(iterate(table)) != sha256:
        raise RecordError(f"{path}: its rows are not those that audit.json pins; give the audit command again")
    return table


def read_frame(path: Path, sha256: str | None = None) -> pandas.DataFrame:
    """The same as a pandas data frame; a value that is not there is NaN there."""
    frame: pandas.DataFrame = read_samples(path, sha256).to_pandas()
    return frame


def iterate(table: Any) -> Iterator[ScoreRow]:
    """The rows of a table as records."""
    for batch in table.to_batches():
        for row in batch.to_pylist():
            yield ScoreRow(**row)


def _ordered(rows: Iterable[ScoreRow]) -> Sequence[ScoreRow]:
    return sorted(rows, key=lambda row: (row.sample_id, row.metric, row.benchmark))
