"""A task on the user's own data: what `tasks:` in `audit.yaml` says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from auditkit.schema.base import Record
from auditkit.schema.benchmark import MetricUse, Name, Template
from auditkit.schema.request import Generation


class TaskClass(Record):
    """One class of a classification."""

    value: str
    """What the data hold; of a ClassLabel, its name."""
    label: str = ""
    """What the model calls it in `id2label`; default the value."""
    text: str = ""
    """The word or words that a prompted model is offered; default the label, with spaces for underscores."""


class Task(Record):
    """A benchmark made from the user's data."""

    name: Name
    """Name of the benchmark that is made of it."""
    task: str
    """classification, multi-label-classification, regression, tagging, extractive-qa, generative-qa, multiple-choice,
    translation, summarisation, or a kind that a plugin brings."""
    data: str
    """A .csv, .tsv, .jsonl, .ndjson, .json or .parquet file, a folder that `datasets` saved, a folder in the Hub's
    layout, or a Hub id."""
    config: str | None = None
    """Configuration of a Hub data set that has several."""
    revision: str | None = None
    """Branch, tag or commit of a Hub data set."""
    split: str | None = None
    """Split to read; may be left out where there is one."""
    header: tuple[str, ...] = ()
    """Columns of a CSV or TSV file without a header line."""
    columns: dict[str, str | tuple[str, ...]] = Field(default={})
    """What the task calls a column, to the column. classification, multi-label-classification, regression: text, label,
    text_pair (optional: for pairs). tagging: words, tags. extractive-qa: question, context, answers. generative-qa:
    question, context (optional), answers. multiple-choice: question, choices (one column, or a list of columns),
    answer. translation: source, target. summarisation: text, summary. Any: id. Default a column of the same name;
    `answers.text` is a value inside `answers`."""
    labels: tuple[TaskClass, ...] = ()
    """The classes: names, or {value, label, text}; default those of the ClassLabel, else all that the data hold."""
    positive: tuple[str, ...] = ()
    """The class, or classes, whose error rates matter, as the data call them; default all, of many the most
    frequent."""
    separator: str | None = Field(default=None, min_length=1)
    """What stands between the words, tags, labels or choices of one cell where they are text, as in CSV; default blanks
    between words and tags, else a semicolon."""
    template: Template | None = None
    """The prompt; its fields are the task's names for the columns."""
    generation: Generation | None = None
    """How free text is decoded."""
    allow_cut: bool = False
    """Whether an answer counts though the model's window was too short for the row; else the row has no score."""
    metrics: tuple[MetricUse, ...] = ()
    """What is measured; default the usual metrics of the task. The arm is `base`, or `all`."""
    groups: dict[str, str] = Field(default={})
    """Demographic axis to the column that holds the group of the person concerned."""
    smallest_group: int = Field(default=10, ge=1)
    """Groups with fewer rows are shown and not compared with others: one row would move their rates by more than .1."""
    clusters: tuple[str, ...] = Field(default=(), max_length=2)
    """Columns whose equal values make rows dependent (author, document …), outermost first; default equal inputs."""
    metadata: tuple[str, ...] = ()
    """Columns that are kept beside each sample, and by which the default metrics are also shown."""
    conflicts: Literal["refuse", "leave-out"] = "refuse"
    """What becomes of a row that asks what an earlier one asks, with another answer."""
    limit: int | None = Field(default=None, ge=1)
    """Most samples of this task; default the audit's limit or size."""
    language: str | None = None
    """BCP 47 tag of the answers, which decides words, articles and punctuation; default what their script tells, and
    English where that is Latin."""
    measures: str = ""
    """What a good value would mean; shown in the report."""
    limits: str = ""
    """What it would not mean; shown in the report."""
    license: str = "LicenseRef-not-stated"
    """Licence of the data (SPDX)."""

    @field_validator("positive", mode="before")
    @classmethod
    def _several(cls, positive: Any) -> Any:
        """One class may be given by its name alone."""
        return (positive,) if isinstance(positive, str) else positive

    @field_validator("labels", mode="before")
    @classmethod
    def _named(cls, labels: Any) -> Any:
        """A class may be given by its name alone."""
        if isinstance(labels, (list, tuple)):
            return [{"value": label} if isinstance(label, str) else label for label in labels]
        return labels
