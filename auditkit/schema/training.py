"""How a model is fine-tuned, and what came of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from auditkit.schema.base import Integer, Record
from auditkit.schema.estimate import Estimate

TrainingTask = Literal["classification", "multi-label-classification", "regression", "tagging"]


class Recipe(Record):
    """Everything that decides the weights, besides the base model, the rows and the machine's arithmetic."""

    task: TrainingTask
    """What the model learns."""
    epochs: int = Field(default=3, ge=1)
    """Most passes over the training rows."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Highest step size of AdamW; it rises over the first 6 % of the steps and falls linearly to 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decoupled weight decay of AdamW."""
    batch_size: int = Field(default=16, ge=1)
    """Rows a step."""
    max_length: int = Field(default=256, ge=4)
    """Most tokens a row; longer ones are cut at their end, and counted."""
    seed: Integer = 0
    """Seed of split, new head, order of rows and dropout; 0 is a seed."""
    patience: int = Field(default=2, ge=1)
    """Epochs without a lower validation loss until training stops."""
    freeze_body: bool = False
    """Train the new head alone; the body stays as it was."""
    validation_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the rows that are held out, whole clusters; not used where a validation file is given."""


HEAD_ONLY: dict[str, float] = {"epochs": 20, "learning_rate": 5e-3, "patience": 3}
"""Defaults of a recipe that freezes the body: a head alone starts from nothing and cannot harm the body."""


class CurvePoint(Record):
    """One point of the curves: training loss since the last one, or loss and score on the validation rows."""

    epoch: float
    """Passes over the training rows so far."""
    step: int
    """Optimiser steps so far."""
    training_loss: float | None = None
    """Mean loss a row since the point before (nats for cross-entropy)."""
    validation_loss: float | None = None
    """Mean loss on all validation rows."""
    validation_score: float | None = None
    """The score that `Training.score` names, on all validation rows."""


class Part(Record):
    """The rows of one side of the split."""

    rows: int
    """Number of rows."""
    clusters: int
    """Number of clusters: rows that share a text or a cluster id are one."""
    labels: dict[str, int] = Field(default_factory=dict)
    """Label to number of rows (for tags: of words); empty for regression."""
    truncated: int = 0
    """Rows that were longer than `max_length`."""


class Training(Record):
    """What a fine-tuned model was made of: the model card and `training.json` say this."""

    schema_version: Literal[1] = 1
    """Version of this record."""
    base: str
    """The base model as the user named it."""
    base_sha256: str
    """Hash of its weight files."""
    data: str
    """Name of the data file or folder."""
    data_sha256: str
    """Hash of its content."""
    validation_data: str | None = None
    """Name of the validation file, where one was given."""
    validation_sha256: str | None = None
    """Hash of its content."""
    columns: dict[str, str] = Field(default_factory=dict)
    """What the task calls a column, to the column, where they differ or the column may be left out."""
    clusters: tuple[str, ...] = ()
    """Columns whose equal values (an author, a document, a template) keep rows on one side of the split."""
    separator: str | None = None
    """What stood between several values in one cell, where it was named."""
    recipe: Recipe
    """The hyper-parameters."""
    labels: tuple[str, ...]
    """Classes or tags in the order of the model's outputs; empty for regression."""
    training: Part
    """The rows that were learnt from."""
    validation: Part
    """The rows that were held out."""
    duplicates: int = 0
    """Rows whose text another row has too."""
    contradictory: int = 0
    """Texts that have more than one label."""
    dropped: int = 0
    """Training rows left out because a given validation file holds their text or cluster."""
    score: str
    """Name of `CurvePoint.validation_score`."""
    curve: tuple[CurvePoint, ...]
    """The curves, in order."""
    best_epoch: float
    """The epoch whose weights were kept: that of the lowest validation loss."""
    stopped_early: bool
    """Whether training stopped before its last epoch."""
    majority: float | None = None
    """Accuracy on the validation rows of always answering the label that is commonest in training."""
    estimates: tuple[Estimate, ...] = ()
    """Metrics on the validation rows."""
    parameters: int
    """Weights of the model."""
    trained: int
    """Weights that were trained."""
    weights_sha256: str
    """sha256 of model.safetensors."""
    seconds: float
    """Wall time of the process that finished the training."""
    device: str
    """Where it ran."""
    threads: int
    """CPU threads: another number adds in another order, and so gives other weights."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Library to version, Python, platform."""
