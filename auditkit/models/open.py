"""Opening a model: find it, decide its family, load it safely, name exactly what was loaded."""

from __future__ import annotations

from auditkit.errors import ModelError, first_line
from auditkit.models import device as devices
from auditkit.models.adapter import Adapter
from auditkit.models.families import Family, family_named, family_of_folder, family_of_scheme
from auditkit.models.weights.checkpoint import Checkpoint, ReadingRules, model_window
from auditkit.models.weights.fingerprint import source_sha256, text_sha256, tokenizer_sha256
from auditkit.models.weights.load import LoadedModel, load, settings_sha256
from auditkit.models.weights.locate import ModelFolder, locate
from auditkit.schema import Config, Subject, digest
from auditkit.schema.event import Event, OnEvent, ignore

_ILL_TYPED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a setting of the wrong kind raises; never what a lack of memory does."""


def open_model(config: Config, on_event: OnEvent = ignore) -> Adapter:
    """Load the model that a configuration names, as an adapter of its family.

    Args:
        config: the model's name and load options.
        on_event: told before anything slow.

    Raises:
        ModelError: the model cannot be opened as asked; the text says what to do.
    """
    family = family_of_scheme(config.model)
    if family is not None:
        if not family.opener:
            raise ModelError(
                f"{config.model}: it answers from the samples of a pack and is opened by an audit; "
                f"forms: {', '.join(family.forms)}"
            )
        opened: Adapter = family.load("opener")(config, on_event)
        return opened
    family = family_named(config.kind) if config.kind != "auto" else None
    devices.quiet()
    devices.set_threads(config.threads)
    folder = locate(config, on_event)
    if family is None:
        family = family_of_folder(folder.path, folder.settings, folder.adapter.task if folder.adapter else None)
    on_event(Event("load", f"loading {config.model} ({family.name})"))
    try:
        adapter: Adapter = family.load("adapter")(load_checkpoint(folder, family, config))
    except _ILL_TYPED as error:  # a setting of another kind than it should be shows itself where it is first used
        raise ModelError(
            f"{folder.path}: a setting of the model or its tokenizer cannot be used ({type(error).__name__}: "
            f"{first_line(error)}); save both again (`save_pretrained`)"
        ) from error
    return adapter


def load_checkpoint(folder: ModelFolder, family: Family, config: Config) -> Checkpoint:
    """Load weights and tokenizer of a checked folder, and fingerprint them."""
    loaded = load(folder, family, config)
    if loaded.device.type == "cpu" and config.quantise == "none":
        from auditkit.models.speed.packed import pack

        pack(loaded.model)
    reading = ReadingRules({})
    if family.reading:
        reading = family.load("reading")(loaded.model, loaded.tokenizer, folder.path, config)
    parts = _parts(folder, family, config, loaded) | dict(reading.parts)
    subject = Subject(
        name=config.model,
        kind=family.name,
        fingerprint=digest(parts),
        parts=parts,
        parameters=loaded.parameters,
        dtype=parts["dtype"],
        device=str(loaded.device),
    )
    return Checkpoint(
        loaded.model, loaded.tokenizer, subject, config.batch_tokens, reading.chat, config.bos, folder.path,
        reading.target, folder.disk_bytes,
    )


def _parts(folder: ModelFolder, family: Family, config: Config, loaded: LoadedModel) -> dict[str, str]:
    """What every local model's numbers depend on; its family's `ReadingRules` adds to it."""
    model, tokenizer = loaded.model, loaded.tokenizer
    return {
        "adapter": family.name,
        "weights": folder.weights_sha256,
        "config": settings_sha256(folder, config),
        "tokenizer": tokenizer_sha256(folder.tokenizer),
        "chat": "plain",
        "chat_template": text_sha256(str(tokenizer.chat_template)) if tokenizer.chat_template else "none",
        "chat_rendered": "none",
        "bos": "tokenizer",
        "window": str(model_window(model, tokenizer)),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": loaded.device.type,
        "attention": str(getattr(model.config, "_attn_implementation", "unknown")),
        "quantisation": loaded.quantisation,
        "converted": folder.converted_sha256,
        "revision": folder.revision,
        "source": source_sha256(),
        **loaded.adapter_parts,
    }
