"""Fine-tuning with transformers' Trainer: a classifier, a regression or a tagger from a base model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditkit.errors import MeasurementError, ModelError, first_line
from auditkit.models import device as devices
from auditkit.models.training.features import Batch, FeatureEncoder, outputs_of, score_of
from auditkit.models.training.head_only import freeze, states_in_place_of_body
from auditkit.models.weights.checkpoint import model_window
from auditkit.models.weights.locate import ModelFolder
from auditkit.schema import CurvePoint, Output, Recipe, Sample
from auditkit.schema.event import Event, OnEvent

WARMUP = 0.06
"""Share of the steps over which the learning rate rises."""
_PROBLEMS = {
    "classification": "single_label_classification", "multi-label-classification": "multi_label_classification",
    "regression": "regression",
}


@dataclass(frozen=True)
class TrainedModel:
    """A trained model that has been saved, and how it came about."""

    curve: tuple[CurvePoint, ...]
    best_epoch: float
    stopped_early: bool
    outputs: dict[str, Output]
    """Validation sample id to the saved model's answer."""
    truncated: tuple[int, int]
    """Training and validation rows that were cut."""
    parameters: int
    trained: int
    device: str
    threads: int
    body_ran_once: bool
    """Whether the frozen body ran over each row only once."""


def fit(
    base: ModelFolder, recipe: Recipe, labels: Sequence[str], training: Sequence[Sample], validation: Sequence[Sample],
    *, folder: Path, checkpoints: Path, device: str, threads: int | None, resume: bool, on_event: OnEvent,
) -> TrainedModel:
    """Fine-tune a base model and save it with its tokenizer.

    The loss is the model's own: cross-entropy over classes or tags, binary cross-entropy a class for several labels,
    squared error for numbers. The weights of the epoch with the lowest validation loss are kept.

    Args:
        base: the checked base model.
        recipe: hyper-parameters.
        labels: classes or tags, in the order of the model's outputs; none for regression.
        training: rows to learn from.
        validation: rows held out.
        folder: where the model is saved.
        checkpoints: where each epoch is kept while training runs.
        device: auto, cpu, cuda or mps.
        threads: CPU threads; `None` for all cores.
        resume: go on from the last checkpoint, where there is one.
        on_event: told of progress.

    Raises:
        ModelError: the base cannot be fine-tuned for this task.
        MeasurementError: the loss was not a number any more.
    """
    import torch
    import transformers

    devices.quiet()
    devices.set_threads(threads)
    target = devices.choose_device(device)
    with _deterministic():
        transformers.set_seed(recipe.seed)
        model, tokenizer, new = _load(base, recipe, labels)
        encoder = FeatureEncoder(tokenizer, recipe.task, labels, min(recipe.max_length, model_window(model, tokenizer)))
        training_rows, held_out_rows = encoder.encode(training), encoder.encode(validation)
        model.to(target)
        frozen = freeze(model, new) if recipe.freeze_body else False
        rows, count = [*training_rows, *held_out_rows], len(training_rows)
        memory = states_in_place_of_body(model, rows, encoder.collate, on_event) if frozen else contextlib.nullcontext()
        with memory as numbered:
            inputs = numbered if numbered is not None else rows
            curve, best, stopped = _train(
                model, encoder, recipe, inputs[:count], inputs[count:], checkpoints, target, resume, on_event
            )
            model.to(target)
        outputs = outputs_of(model.eval(), encoder, validation, held_out_rows)
    _save(model, tokenizer, folder)
    return TrainedModel(
        curve=curve, best_epoch=best, stopped_early=stopped, outputs=outputs,
        truncated=(encoder.truncated(training), encoder.truncated(validation)),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trained=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        device=str(target), threads=torch.get_num_threads(), body_ran_once=frozen and numbered is not None,
    )


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic kernels where there are any, and the random state of before when it is over."""
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    numpy_state = np.random.get_state()
    with torch.random.fork_rng():
        torch.use_deterministic_algorithms(True, warn_only=True)
        fills = torch.utils.deterministic.fill_uninitialized_memory
        torch.utils.deterministic.fill_uninitialized_memory = False  # finds faults; costs time and decides nothing
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warns)
            torch.utils.deterministic.fill_uninitialized_memory = fills
            np.random.set_state(numpy_state)


def _load(base: ModelFolder, recipe: Recipe, labels: Sequence[str]) -> tuple[Any, Any, list[str]]:
    """The base with a head for the task, its tokenizer, and the names of the parameters that are new."""
    import torch
    import transformers

    tagging = recipe.task == "tagging"
    loader = getattr(transformers, "AutoModelForTokenClassification" if tagging else
                     "AutoModelForSequenceClassification")
    head: dict[str, Any] = {"num_labels": len(labels) or 1}
    if labels:
        head |= {"id2label": dict(enumerate(labels)), "label2id": {name: index for index, name in enumerate(labels)}}
    if not tagging:
        head["problem_type"] = _PROBLEMS[recipe.task]
    try:
        model, report = loader.from_pretrained(
            str(base.path), dtype=torch.float32, use_safetensors=True, local_files_only=True,
            ignore_mismatched_sizes=True, output_loading_info=True, **head,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(base.path), local_files_only=True)
    except Exception as error:  # each architecture raises its own
        raise ModelError(
            f"{base.path}: it has no head for {recipe.task} ({first_line(error)}); name another BASE"
        ) from error
    new = [str(key) for key in report["missing_keys"]] + [str(key[0]) for key in report["mismatched_keys"]]
    body = [key for key in new if key.startswith(f"{model.base_model_prefix}.") and ".pooler." not in key]
    if body:
        raise ModelError(
            f"{base.path}: {len(body)} tensors of its body are not in the weights (e.g. {body[0]}); "
            f"name a whole model"
        )
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"{base.path}: its tokenizer is not a fast one; save a tokenizer.json beside the weights")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.get_text_config().pad_token_id is None:
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    return model, tokenizer, new


def _train(
    model: Any, encoder: FeatureEncoder, recipe: Recipe, training: Sequence[Batch], held_out: Sequence[Batch],
    checkpoints: Path, target: Any, resume: bool, on_event: OnEvent,
) -> tuple[tuple[CurvePoint, ...], float, bool]:
    """Run the Trainer; the model then holds the best epoch's weights."""
    from transformers import EarlyStoppingCallback, Trainer
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    steps = -(-len(training) // recipe.batch_size)
    trainer = Trainer(
        model=model, args=_arguments(recipe, checkpoints, steps, target), train_dataset=list(training),
        eval_dataset=list(held_out), data_collator=encoder.collate, compute_metrics=score_of(recipe.task),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience), _reporter(on_event)],
    )
    trainer.remove_callback(PrinterCallback)
    last = get_last_checkpoint(str(checkpoints)) if resume and checkpoints.is_dir() else None
    if last is not None:
        on_event(Event("train", f"going on from {Path(last).name}"))
    trainer.train(resume_from_checkpoint=last)
    history = trainer.state.log_history
    points = curve(history)
    best = min(
        (point for point in points if point.validation_loss is not None),
        key=lambda point: (point.validation_loss, point.epoch),
    )
    return points, best.epoch, trainer.state.global_step < trainer.state.max_steps


def _arguments(recipe: Recipe, checkpoints: Path, steps: int, target: Any) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(checkpoints), num_train_epochs=recipe.epochs, learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay, warmup_steps=WARMUP, lr_scheduler_type="linear", optim="adamw_torch",
        per_device_train_batch_size=recipe.batch_size, per_device_eval_batch_size=max(32, recipe.batch_size),
        seed=recipe.seed, data_seed=recipe.seed, eval_strategy="epoch", save_strategy="epoch", save_total_limit=2,
        logging_strategy="steps", logging_steps=max(1, steps // 10), load_best_model_at_end=True,
        metric_for_best_model="eval_loss", greater_is_better=False, report_to="none", disable_tqdm=True,
        log_level="error", use_cpu=target.type == "cpu", remove_unused_columns=False, dataloader_pin_memory=False,
        label_names=["labels"],
    )


def _reporter(on_event: OnEvent) -> Any:
    """A callback that reports steps, and stops a training whose loss is not a number."""
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # type: ignore[misc]
        """The latest loss goes into every message."""

        last = ""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Tell of a step."""
            on_event(Event("train", f"epoch {state.epoch:.2f}{self.last}", state.global_step, state.max_steps))

        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any) -> None:
            """Keep a loss for the next message.

            Raises:
                MeasurementError: it is NaN or infinite.
            """
            for name, title in (("loss", "training loss"), ("eval_loss", "validation loss")):
                if name in logs:
                    self.last = f", {title} {logs[name]:.3f}"
                    if not np.isfinite(logs[name]):
                        raise MeasurementError(
                            f"the {title} is not a number after step {state.global_step}; use a lower --learning-rate"
                        )

    return Reporter()


def curve(history: Sequence[Mapping[str, Any]]) -> tuple[CurvePoint, ...]:
    """The Trainer's log as points of the curves."""
    return tuple(
        CurvePoint(
            epoch=round(float(line["epoch"]), 4), step=int(line["step"]), training_loss=line.get("loss"),
            validation_loss=line.get("eval_loss"), validation_score=line.get("eval_score"),
        )
        for line in history if "loss" in line or "eval_loss" in line
    )


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(str(folder))
    shared = (folder / "config.json").stat().st_mode
    for weights in folder.glob("*.safetensors"):
        weights.chmod(shared)  # safetensors writes them for the owner alone
    # how the last batch was cut and padded does not belong to the tokenizer
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(str(folder))


