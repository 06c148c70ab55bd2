"""PEFT: a folder of adapter weights (LoRA and the like) on a base model."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from auditkit import registry
from auditkit.errors import ModelError, first_line
from auditkit.models.weights.fingerprint import files_sha256
from auditkit.models.weights.settings import read_settings
from auditkit.schema import Config

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PROMPTS = frozenset(
    {"PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "CPT", "ADAPTION_PROMPT"}
)
_PREFIX = "base_model.model."
_HEADS = ("classifier.weight", "score.weight", "classifier.out_proj.weight", "logits_proj.weight")
_REPEATED = re.compile(r"\)\s*[*+{]")
"""A group that is repeated in a pattern: matching it may take time that doubles with each character."""
_WITH_LABELS = ("SEQ_CLS", "TOKEN_CLS")
"""Tasks whose head has an output a label."""


@dataclass(frozen=True)
class PeftFolder:
    """A checked adapter folder."""

    path: Path
    settings: dict[str, Any]
    """Its adapter_config.json."""
    shapes: dict[str, tuple[int, ...]]
    """Names of its tensors, without PEFT's prefix, to their shapes."""
    sha256: str
    """Hash of its configuration and weights."""

    @property
    def task(self) -> str | None:
        """The task that it was trained for, as PEFT names it, if it says so; a family of models follows from it."""
        task = self.settings.get("task_type")
        return task if isinstance(task, str) else None

    @property
    def head(self) -> dict[str, Any]:
        """Arguments that give the base a head of the saved one's size and names."""
        path = self.path / "config.json"
        if path.is_file():
            config = read_settings(path)
            if isinstance(config.get("id2label"), dict):
                labels = {int(key): str(label) for key, label in config["id2label"].items() if str(key).isdecimal()}
                return {"id2label": labels, "label2id": {label: key for key, label in labels.items()}}
        rows = [shape[0] for name, shape in self.shapes.items() if name.endswith(_HEADS) and len(shape) == 2]
        return {"num_labels": rows[-1]} if rows and self.task in _WITH_LABELS else {}

    @property
    def tokenizer(self) -> Path | None:
        """This folder, where a tokenizer was saved in it."""
        names = ("tokenizer.json", "tokenizer_config.json")
        return self.path if any((self.path / name).is_file() for name in names) else None

    def brings(self, key: str) -> bool:
        """Whether it holds a tensor of the base model whole (a head that was trained with it)."""
        return key in self.shapes


def is_peft(folder: Path) -> bool:
    """Whether a folder holds adapter weights rather than a whole model."""
    model_files = ("model.safetensors", "model.safetensors.index.json")
    return (folder / SETTINGS).is_file() and not any((folder / name).is_file() for name in model_files)


def split(config: Config) -> tuple[str, Path] | None:
    """Base model and adapter folder of a name; `None` for a model that is whole.

    The base is what stands before `+`, else `base`, else what the adapter's configuration names.

    Raises:
        ModelError: a base without an adapter, two bases, or no base.
    """
    name, base, folder = config.model, config.base, Path(config.model).expanduser()
    if not folder.exists() and "+" in name:
        before, _, after = name.rpartition("+")
        if not is_peft(Path(after).expanduser()):
            raise ModelError(f"{name}: {after} is not a folder with {SETTINGS} and {WEIGHTS}; name BASE+ADAPTER_DIR")
        if base is not None and base != before:
            raise ModelError(f"{name}: base: {base} is another base than {before}; name one")
        base, folder = before, Path(after).expanduser()
    if not folder.is_dir() or not is_peft(folder):
        if base is not None:
            raise ModelError(f"base: {base}: {name} is not a folder of PEFT adapter weights; leave base out")
        return None
    base = base or _settings(folder).get("base_model_name_or_path")
    if not base:
        raise ModelError(f"{folder}/{SETTINGS}: names no base model; say it: --base, or MODEL as BASE+{folder}")
    return str(base), folder


def inspect(folder: Path) -> PeftFolder:
    """Check an adapter folder before anything of it is loaded.

    Raises:
        ModelError: PEFT is not installed, only pickled or damaged weights, or a method that is not supported.
    """
    from safetensors import SafetensorError, safe_open

    settings = _settings(folder)
    method = str(settings.get("peft_type"))
    if method in _PROMPTS:
        raise ModelError(
            f"{folder}/{SETTINGS}: {method} learns a prompt, not weights, and is not supported; use LoRA or the like"
        )
    path = folder / WEIGHTS
    if not path.is_file():
        pickled = sorted(item.name for item in folder.glob("*.bin"))
        if pickled:
            raise ModelError(
                f"{folder}: only pickled weights ({pickled[0]}), which can run code when loaded; load them where you "
                f"trust them and save them again: `save_pretrained` of PEFT writes {WEIGHTS}"
            )
        raise ModelError(f"{folder}: there is no {WEIGHTS}; save the adapter there, or download it whole")
    try:
        with safe_open(str(path), framework="pt") as stream:
            shapes = {name: tuple(stream.get_slice(name).get_shape()) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: damaged or cut off ({error}); download or save it again") from error
    _refuse_oversized(folder / SETTINGS, settings, shapes)
    if reason := registry.missing("peft"):
        raise ModelError(f"{folder}: adapter weights: {reason}")
    extra = [folder / "config.json"] if (folder / "config.json").is_file() else []
    sha256 = files_sha256([folder / SETTINGS, path, *extra])
    return PeftFolder(folder, settings, {name.removeprefix(_PREFIX): shape for name, shape in shapes.items()}, sha256)


def _settings(folder: Path) -> dict[str, Any]:
    return read_settings(folder / SETTINGS, "download or save the adapter again")


def _refuse_oversized(path: Path, settings: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse ranks and copied layers that the adapter's own tensors do not have, and patterns without end.

    Raises:
        ModelError: names what does not fit.
    """
    longest = max((side for shape in shapes.values() for side in shape), default=0)
    by_module = settings.get("rank_pattern") or {}
    ranks = {"r": settings.get("r"), **{f"rank_pattern.{name}": rank for name, rank in by_module.items()}}
    for name, rank in ranks.items():
        if rank is not None and (type(rank) is not int or rank > max(longest, 1)):
            raise ModelError(f'{path}: "{name[:80]}" is {str(rank)[:40]}, and no tensor of the adapter is that large')
    copies = [pair for pair in settings.get("layer_replication") or [] if isinstance(pair, list)]
    layers = sum(max(0, pair[-1] - pair[0]) for pair in copies if len(pair) == 2 and _numbers(pair))
    if max(layers, len(settings.get("layer_replication") or [])) > len(shapes):
        raise ModelError(
            f'{path}: "layer_replication" makes {layers:,} layers, and the adapter has {len(shapes):,} tensors'
        )
    for key in ("target_modules", "exclude_modules", "layers_pattern"):
        if isinstance(settings.get(key), str) and (len(settings[key]) > 1000 or _REPEATED.search(settings[key])):
            raise ModelError(f'{path}: "{key}" is a pattern that may take for ever; list the modules by name')


def _numbers(pair: list[Any]) -> bool:
    return all(type(item) is int for item in pair)


def put_on(model: Any, adapter: PeftFolder) -> tuple[Any, str]:
    """Put adapter weights on their base.

    In float32 they are merged into the base's weights, which is faster. In coarser formats they stay beside them:
    adding them would round a part of them away.

    Returns:
        The base model with the adapter in it, and how it is in it, in words.

    Raises:
        ModelError: they do not fit the base.
    """
    import torch
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrapped = PeftModel.from_pretrained(model, str(adapter.path), is_trainable=False)
    except Exception as error:  # each method raises its own
        raise ModelError(
            f"{adapter.path}: the adapter does not fit this base ({first_line(error)}); check --base"
        ) from error
    _check_tensors(wrapped, adapter)
    merges = model.dtype in (torch.float32, torch.float64) and hasattr(wrapped.base_model, "merge_and_unload")
    adapted = wrapped.merge_and_unload() if merges else wrapped.get_base_model()
    rank = f" of rank {adapter.settings['r']}" if "r" in adapter.settings else ""
    placing = "merged into the base" if merges else "beside the base's weights"
    return adapted, f"{adapter.settings.get('peft_type')}{rank}, {placing}, peft {version('peft')}"


def _check_tensors(wrapped: Any, adapter: PeftFolder) -> None:
    """Every tensor of the file is in the model and the reverse: PEFT only warns, and goes on with what it has."""
    from peft import get_peft_model_state_dict

    loaded = {name.removeprefix(_PREFIX) for name in get_peft_model_state_dict(wrapped)}
    odd = sorted(loaded ^ set(adapter.shapes))
    if odd:
        where = "the file lacks it" if odd[0] in loaded else "the base has no place for it"
        raise ModelError(
            f"{adapter.path}: {len(odd)} tensors of the adapter do not fit the base, e.g. {odd[0]} ({where}); "
            f"check --base"
        )
