"""From labelled rows to a fine-tuned model with its card: read, split, train, measure, write."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit import registry
from auditkit.errors import ConfigError, RunFolderError, UsageError
from auditkit.load.splitting import Split, split, with_validation
from auditkit.load.tasks.kind import open_kind
from auditkit.load.training_data import TrainingRows, read_training_rows
from auditkit.measure.measurement import measure
from auditkit.models.training.features import SCORES
from auditkit.models.training.trainer import TrainedModel, fit
from auditkit.models.weights.fingerprint import file_sha256
from auditkit.models.weights.locate import ModelFolder, locate
from auditkit.pipeline.around.environment import environment
from auditkit.pipeline.around.offline import prepare
from auditkit.pipeline.around.training_folder import training_folder
from auditkit.render.draw.curves import render as render_curves
from auditkit.render.write.model_card import render as render_card
from auditkit.schema import (
    Benchmark,
    Choice,
    Config,
    Estimate,
    MetricUse,
    Output,
    Part,
    Recipe,
    Sample,
    Task,
    Template,
    Training,
    TrainingTask,
    canonical,
    digest,
)
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.faults import ARGUMENTS, first_fault
from auditkit.schema.training import HEAD_ONLY
from auditkit.store.files import sync_folder

_SCHEMES = ("B-", "I-", "S-", "E-", "L-", "U-")
"""How tags of spans begin, in every usual scheme; tags without them have no entities to score."""


@dataclass(frozen=True)
class FinetunedModel:
    """A model folder and what it was made of."""

    training: Training
    folder: Path


def finetune(
    base: str, *, data: str | Path, task: TrainingTask, out: str | Path, validation: str | Path | None = None,
    columns: Mapping[str, str] | None = None, clusters: Sequence[str] = (), separator: str | None = None,
    device: str = "auto", threads: int | None = None, offline: bool = False, resume: bool = False,
    on_event: OnEvent = ignore, **recipe: Any,
) -> FinetunedModel:
    """Fine-tune a base model on labelled rows; `out` then holds weights, tokenizer, curves and a model card.

    Args:
        base: Hub id or directory with safetensors.
        data: CSV, TSV, JSON lines, JSON, Parquet, or a saved `datasets` folder.
        task: classification, multi-label-classification, regression or tagging.
        out: the new model folder; it appears when everything is written.
        validation: rows to hold out; by default a share of `data`, whole clusters.
        columns: what the task calls a column, to the column, as in an audit: text, label, words, tags; pairs where
            there is a text_pair.
        clusters: columns whose equal values keep rows on one side of the split; two at most.
        separator: what stands between several labels, words or tags of one cell; default as in an audit.
        device: auto, cpu, cuda or mps.
        threads: CPU threads.
        offline: block every network connection.
        resume: go on with an interrupted training of the same rows and settings.
        on_event: called with each `Event` of progress.
        recipe: further fields of `Recipe`, e.g. `epochs=2, seed=1`.

    Raises:
        UsageError: rows, base, settings or folder cannot be used.
        MeasurementError: the loss is not a number, or the disk is full.
    """
    prepare(offline=offline)
    start = time.perf_counter()
    if reason := registry.missing("finetune"):
        raise UsageError(f"finetune: {reason}")
    settings = read_recipe(task, recipe)
    source = _task(data, task, columns or {}, clusters, separator)
    folder = Path(out)
    if folder.exists():
        raise RunFolderError(f"{folder}: exists already; give --out another folder, or remove it")
    on_event(Event("load", f"reading {data}"))
    rows, held_out, sides = _read(source, validation, settings)
    base_folder = locate(Config(model=base, offline=offline), on_event)
    labels = label_order(task, [*sides.training, *sides.validation])
    origin = digest({
        "base": base_folder.weights_sha256, "data": rows.sha256, "validation": held_out.sha256 if held_out else None,
        "columns": source.columns, "clusters": source.clusters, "separator": separator, "recipe": settings,
    })
    with training_folder(folder, origin, resume=resume) as work:
        model = fit(
            base_folder, settings, labels, sides.training, sides.validation, folder=work / "model",
            checkpoints=work / "checkpoints", device=device, threads=threads, resume=resume, on_event=on_event,
        )
        on_event(Event("measure", f"{len(sides.validation)} validation rows"))
        training = _training(base, base_folder, rows, held_out, source, settings, labels, sides, model)
        training = training.model_copy(update={
            "weights_sha256": file_sha256(work / "model" / "model.safetensors"),
            "seconds": round(time.perf_counter() - start, 1),
        })
        _finish(work / "model", folder, training)
    return FinetunedModel(training, folder)


def _task(
    data: str | Path, task: TrainingTask, columns: Mapping[str, str], clusters: Sequence[str], separator: str | None
) -> Task:
    """The rows to learn from, described as an audit's configuration would."""
    try:
        return Task(
            name="training", task=task, data=str(data), split="train", columns=dict(columns), clusters=tuple(clusters),
            separator=separator,
        )
    except ValidationError as error:
        raise ConfigError(f"finetune: {first_fault(error, Task, ARGUMENTS)}") from None


def _read(
    source: Task, validation: str | Path | None, recipe: Recipe
) -> tuple[TrainingRows, TrainingRows | None, Split]:
    """The rows, those of a validation file where there is one, and the two sides of the split."""
    rows = read_training_rows(source)
    if validation is None:
        return rows, None, split(rows.samples, recipe.task, recipe.validation_share, recipe.seed)
    held_out = read_training_rows(source.model_copy(update={"data": str(validation), "split": "validation"}))
    return rows, held_out, with_validation(rows.samples, held_out.samples, recipe.task)


def read_recipe(task: TrainingTask, options: Mapping[str, Any]) -> Recipe:
    """The hyper-parameters: those that are set, else the defaults, which differ where only the head is trained.

    Raises:
        ConfigError: a value that makes no sense.
    """
    settings = {name: value for name, value in options.items() if value is not None}
    defaults: Mapping[str, Any] = HEAD_ONLY if settings.get("freeze_body") else {}
    try:
        return Recipe.model_validate({**defaults, **settings, "task": task})
    except ValidationError as error:
        raise ConfigError(f"finetune: {first_fault(error, Recipe, ARGUMENTS)}") from None


def label_order(task: TrainingTask, samples: Sequence[Sample]) -> tuple[str, ...]:
    """Classes by name; tags likewise, `O` first; none for numbers."""
    if task == "regression":
        return ()
    labels = {label for sample in samples for label in _labels(sample)}
    return tuple(sorted(labels, key=lambda label: (label != "O", label) if task == "tagging" else (False, label)))


def _labels(sample: Sample) -> tuple[str, ...]:
    if sample.tags or sample.words:
        return sample.tags
    return sample.references if sample.target is None else (sample.target,)


def _training(
    base: str, base_folder: ModelFolder, rows: TrainingRows, held_out: TrainingRows | None, source: Task,
    recipe: Recipe,
    labels: tuple[str, ...], sides: Split, model: TrainedModel,
) -> Training:
    return Training(
        base=base, base_sha256=base_folder.weights_sha256, data=rows.name, data_sha256=rows.sha256,
        validation_data=held_out.name if held_out else None,
        validation_sha256=held_out.sha256 if held_out else None,
        columns=source.columns, clusters=source.clusters, separator=source.separator, recipe=recipe, labels=labels,
        training=_part(recipe.task, sides.training, model.truncated[0]),
        validation=_part(recipe.task, sides.validation, model.truncated[1]), duplicates=sides.duplicates,
        contradictory=sides.contradictory, dropped=sides.dropped, score=SCORES[recipe.task], curve=model.curve,
        best_epoch=model.best_epoch, stopped_early=model.stopped_early, majority=_majority(recipe.task, sides),
        estimates=_estimates(recipe, labels, sides.validation, model.outputs, rows.sha256),
        parameters=model.parameters, trained=model.trained, weights_sha256="", seconds=0.0, device=model.device,
        threads=model.threads, environment=environment(),
    )


def _part(task: TrainingTask, samples: Sequence[Sample], truncated: int) -> Part:
    counts = Counter(label for sample in samples for label in _labels(sample) if task != "regression")
    return Part(
        rows=len(samples), clusters=len({sample.clusters["text"] for sample in samples}),
        labels=dict(sorted(counts.items())), truncated=truncated,
    )


def _majority(task: TrainingTask, sides: Split) -> float | None:
    if task != "classification":
        return None
    counts = Counter(sample.target for sample in sides.training)
    common = min(counts, key=lambda label: (-counts[label], str(label)))
    return sum(sample.target == common for sample in sides.validation) / len(sides.validation)


def _estimates(
    recipe: Recipe, labels: Sequence[str], samples: Sequence[Sample], outputs: Mapping[str, Output], sha256: str
) -> tuple[Estimate, ...]:
    """The task's metrics on the validation rows, as an audit would measure them."""
    installed = registry.names("metric")
    names = [name for name in open_kind(recipe.task).learnt_metrics if name in installed]
    if not any(label.startswith(_SCHEMES) for label in labels):
        names = [name for name in names if name != "entity_f1"]
    if not names:
        return ()
    classes = tuple(Choice(text=label, label=label) for label in labels) if recipe.task != "tagging" else ()
    card = Benchmark(
        name="validation", version=1, title="Validation rows", measures="The held-out rows of the fine-tuning data.",
        limits="The kept epoch was chosen on these rows.", license="unknown", source="user", citation="none",
        language="und", request="tag" if recipe.task == "tagging" else "classify", rules=("probabilities",),
        templates=(Template(text="{text}"),), choices=classes, files=("rows",), clusters=("text",),
        metrics=tuple(MetricUse(metric=name, arm="all") for name in names), rows=len(samples), sha256=sha256,
    )
    rows = [sample.model_copy(update={"benchmark": card.name, "choices": classes}) for sample in samples]
    return measure(card, rows, outputs, seed=recipe.seed, pooled_only=True).estimates


def _finish(model: Path, folder: Path, training: Training) -> None:
    """Write the card beside the weights, then give the folder its name."""
    points = [canonical(point) for point in training.curve]
    (model / "curves.jsonl").write_bytes(b"".join(point + b"\n" for point in points))
    (model / "curves.svg").write_bytes(render_curves(training))
    (model / "training.json").write_bytes(canonical(training) + b"\n")
    (model / "README.md").write_bytes(render_card(training, folder.name))
    if folder.exists():
        raise RunFolderError(f"{folder}: appeared while the model was trained; move it away and go on with --resume")
    os.rename(model, folder)
    sync_folder(folder.absolute().parent)
