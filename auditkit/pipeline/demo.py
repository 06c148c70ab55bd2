"""The demo's second model: an encoder that is fine-tuned on the spot on rows of a built-in pack, then audited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from auditkit.errors import ModelError, RecordError
from auditkit.load.packs import open_pack
from auditkit.models.weights.fingerprint import file_sha256
from auditkit.models.weights.locate import minilm_folder
from auditkit.pipeline.around.training_folder import interrupted
from auditkit.pipeline.audit import AuditRun, run_audit
from auditkit.pipeline.finetune import finetune
from auditkit.schema import Config, Explain, Training
from auditkit.schema.config import Size
from auditkit.schema.event import Event, OnEvent
from auditkit.schema.faults import first_fault

PACK = "sentiment-swaps"
EPOCHS = 3


def missing() -> str | None:
    """Why the second model cannot be made here, with the command that helps; `None` where it can."""
    try:
        minilm_folder()
    except ModelError as error:
        return str(error)
    return None


def second_model(
    folder: Path, out: Path, on_event: OnEvent, say: Callable[[str], None], *, size: Size = "medium"
) -> AuditRun:
    """Fine-tune MiniLM as a sentiment classifier and audit it, offline.

    Args:
        folder: the model's folder; one that an earlier demo made of the same rows is used as it is.
        out: the run folder.
        on_event: called with each `Event` of progress.
        say: called with one line about what was learnt.
        size: how many rows it is audited on; `small` decides no check of this pack.

    Raises:
        UsageError: the folder holds something else.
        PackError: the pack's rows, or those to train on, are not as sealed.
    """
    pack = open_pack(PACK)
    rows = pack.folder / pack.card.training[0]
    if _made_of(folder, rows):
        on_event(Event("train", f"{folder} holds the model already"))
    else:
        finetune(
            "minilm", data=rows, task="classification", out=folder, clusters=("template",),
            epochs=EPOCHS, offline=True, resume=interrupted(folder), on_event=on_event,
        )
    training = _read(folder)
    rows_and_seconds = f"{training.training.rows} rows in {training.seconds:.0f} s"
    say(f"Fine-tuned {training.base} on {rows_and_seconds}: {folder / 'README.md'}")
    config = Config(
        model=str(folder), packs=(PACK,), policy="packs", size=size, out=str(out), offline=True,
        explain=Explain(samples=1),
    )
    return run_audit(config, on_event)


def _made_of(folder: Path, rows: Path) -> bool:
    return (folder / "training.json").is_file() and _read(folder).data_sha256 == file_sha256(rows)


def _read(folder: Path) -> Training:
    path = folder / "training.json"
    try:
        return Training.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RecordError(f"{path}: {first_fault(error, Training)}; remove {folder}, and run the demo again") from None
