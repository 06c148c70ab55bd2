"""Loading weights and tokenizer of a checked folder, with what is checked once they are there."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit import registry
from auditkit.errors import ModelError, first_line
from auditkit.models import device as devices
from auditkit.models.families import Family
from auditkit.models.weights import peft
from auditkit.models.weights.fingerprint import files_sha256
from auditkit.models.weights.locate import ModelFolder
from auditkit.models.weights.quantise import quantise
from auditkit.models.weights.settings import refuse_unfilled, size_of
from auditkit.schema import Config

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, in evaluation mode and frozen, and how it came to be as it is."""

    model: Any
    """A transformers `PreTrainedModel` with its head."""
    tokenizer: Any
    parameters: int
    """How many, before any were quantised."""
    quantisation: str
    """In words; `none` where nothing was rounded."""
    device: torch.device
    adapter_parts: dict[str, str]
    """What PEFT adapter weights add to the subject's parts."""


def load(folder: ModelFolder, family: Family, config: Config) -> LoadedModel:
    """Load a model with its tokenizer.

    Args:
        folder: checked by `locate`.
        family: says with which head.
        config: device, number format, quantisation, remote code.

    Raises:
        ModelError: transformers cannot load it, or its parts do not belong together.
    """
    device = devices.choose_device(config.device)
    model = _load_model(folder, family, config, devices.choose_dtype(config.dtype, device))
    adapter_parts: dict[str, str] = {}
    if folder.adapter is not None:
        model, placing = peft.put_on(model, folder.adapter)
        adapter_parts = {"peft": placing, "peft_weights": folder.adapter.sha256}
    model = model.to(device).eval()
    model.requires_grad_(False)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    methods = [folder.quantisation] if folder.quantisation != "none" else []
    if config.quantise == "int8":
        methods.append(quantise(model, device))
    tokenizer = _load_tokenizer(folder, family, config)
    _check_vocabulary(folder, model, tokenizer)
    return LoadedModel(model, tokenizer, parameters, "; ".join(methods) or "none", device, adapter_parts)


def settings_sha256(folder: ModelFolder, config: Config) -> str:
    """Hash of the files that say how the weights are used; of the model's own code too, where it is run."""
    paths = [path for name in ("config.json", "generation_config.json") if (path := folder.path / name).is_file()]
    if config.trust_remote_code:
        paths += sorted(folder.path.glob("*.py"))
    return files_sha256(paths)


def _load_model(folder: ModelFolder, family: Family, config: Config, dtype: torch.dtype) -> Any:
    import transformers

    loader = getattr(transformers, family.auto_class)
    _check_size(folder, loader, config)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, report = loader.from_pretrained(
                str(folder.path), dtype=dtype, use_safetensors=True, local_files_only=True,
                trust_remote_code=config.trust_remote_code, output_loading_info=True,
                **(folder.adapter.head if folder.adapter else {}),
            )
    except Exception as error:  # each architecture raises its own
        raise ModelError(
            f"{folder.path}: transformers cannot load it as {family.name} ({first_line(error)}); "
            f"check --kind, or save the model again"
        ) from error
    _check_tensors(folder, family, model, report)
    return model


def _check_size(folder: ModelFolder, loader: Any, config: Config) -> None:
    """Refuse a configuration of more parameters than the weights fill: it is built once without memory, and counted.

    Raises:
        ModelError: it is far larger than the weights, or cannot be built.
    """
    import torch
    import transformers

    try:
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            settings = transformers.AutoConfig.from_pretrained(
                str(folder.path), local_files_only=True, trust_remote_code=config.trust_remote_code
            )
            model = loader.from_config(settings, trust_remote_code=config.trust_remote_code)
    except Exception:  # noqa: BLE001 - loading fails too, and says why
        return
    path, size = folder.path / "config.json", size_of(folder.weights)
    refuse_unfilled(path, sum(parameter.numel() for parameter in model.parameters()), size)
    refuse_unfilled(path, sum(buffer.numel() for buffer in model.buffers()) >> 4, size, "numbers in tables")


def _check_tensors(folder: ModelFolder, family: Family, model: Any, report: dict[str, Any]) -> None:
    """Refuse a model of which a part that is read would be random."""
    body = f"{model.base_model_prefix}."
    absent = [key for key in report["missing_keys"] if not (folder.adapter and folder.adapter.brings(key))]
    missing = sorted(absent, key=lambda key: (key.startswith(body), key))
    missing += sorted(str(key) for key in report["mismatched_keys"])
    missing = [key for key in missing if not (family.unread and key.startswith(family.unread))]
    if missing:
        part = "head is" if _is_head(model, missing) else "whole model is"
        raise ModelError(
            f"{folder.path}: the {part} not in the weights ({len(missing)} tensors would be random, e.g. "
            f"{missing[0]}); fine-tune and save it, or say another --kind"
        )


def _is_head(model: Any, missing: list[str]) -> bool:
    prefix = f"{model.base_model_prefix}."
    body = [key for key in missing if key.startswith(prefix) and ".pooler." not in key]
    return not body and model.base_model is not model


def _load_tokenizer(folder: ModelFolder, family: Family, config: Config) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder.tokenizer), local_files_only=True, trust_remote_code=config.trust_remote_code
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # each tokenizer raises its own; the library's panics are no exceptions by type
        if "sentencepiece" in str(error).lower() and (reason := registry.missing("translation")):
            raise ModelError(f"{folder.path}: its tokenizer: {reason}") from error
        raise ModelError(
            f"{folder.path}: no tokenizer can be loaded ({first_line(error)}); save it beside the weights "
            f"(`tokenizer.save_pretrained(DIR)`)"
        ) from error
    if not family.encoder_decoder and not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{folder.path}: its tokenizer gives no character offsets ({type(tokenizer).__name__}); "
            f"save a fast one (tokenizer.json) beside the weights"
        )
    return tokenizer


def _check_vocabulary(folder: ModelFolder, model: Any, tokenizer: Any) -> None:
    rows = int(model.get_input_embeddings().weight.shape[0])
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest < 0:
        raise ModelError(f"{folder.path}: its tokenizer is empty; save the model's tokenizer beside the weights")
    if highest >= rows:
        raise ModelError(
            f"{folder.path}: the tokenizer has ids up to {highest}, the model {rows} embeddings; "
            f"they do not belong together: save the model's own tokenizer beside it"
        )
