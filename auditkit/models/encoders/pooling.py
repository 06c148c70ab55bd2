"""How the vectors of a text's tokens become one: what sentence-transformers' files say, else the mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError
from auditkit.models.weights.checkpoint import ReadingRules
from auditkit.schema import Config

if TYPE_CHECKING:
    import torch

MODES = {
    "pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Key of sentence-transformers' pooling file to the mode that it switches on."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the vectors of a text's tokens become one."""

    mode: str = "mean"
    """mean, cls (the first token), max or lasttoken, over all tokens that are not padding."""
    normalised: bool = False
    """Whether the vector is scaled to length 1."""
    window: int | None = None
    """Most tokens read."""
    lower_case: bool = False
    """Whether texts are lower-cased first."""
    prompt: str = ""
    """What stands before every text."""
    source: str = "default"
    """Where this was read."""

    def describe(self) -> str:
        """In words, for the subject's parts: everything that moves numbers."""
        parts = [f"{self.mode} of the last layer ({self.source})"]
        parts += ["normalised"] if self.normalised else []
        parts += [f"at most {self.window} tokens"] if self.window else []
        parts += ["lower case"] if self.lower_case else []
        parts += [f"after {self.prompt!r}"] if self.prompt else []
        return ", ".join(parts)


def is_sentence_encoder(folder: Path) -> bool:
    """Whether sentence-transformers wrote this folder, for a model that pools."""
    return any(kind == "Pooling" for kind, _ in _modules(folder))


def is_bare_encoder(settings: Mapping[str, Any]) -> bool:
    """Whether config.json names an encoder without a head.

    Args:
        settings: config.json.
    """
    from transformers.models.auto import modeling_auto as tables

    architectures = settings.get("architectures") or ()
    encoder = settings.get("model_type") in tables.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    encoder = encoder and not settings.get("is_encoder_decoder")
    return encoder and any(str(name) in tables.MODEL_MAPPING_NAMES.values() for name in architectures)


def settle(model: Any, tokenizer: Any, folder: Path, config: Config) -> ReadingRules:
    """How it pools, for the subject; see `read_pooling` for the errors."""
    return ReadingRules({"pooling": read_pooling(folder).describe()})


def read_pooling(folder: Path) -> Pooling:
    """How a folder's model pools: what sentence-transformers' files say, else the mean.

    Raises:
        ModelError: the files ask for something else than is offered, or cannot be read.
    """
    modules = _modules(folder)
    if not modules:
        return Pooling()
    pooling, includes_prompt = Pooling(source="modules.json"), True
    for kind, path in modules:
        if kind == "Pooling":
            settings = _read(path / "config.json")
            pooling = replace(pooling, mode=_mode(settings, path))
            includes_prompt = settings.get("include_prompt") is not False
        elif kind == "Normalize":
            pooling = replace(pooling, normalised=True)
        elif kind != "Transformer":
            raise ModelError(f"{folder}/modules.json: a module {kind} is not offered; only Pooling and Normalize are")
    limits = _read(folder / "sentence_bert_config.json")
    prompts = _read(folder / "config_sentence_transformers.json")
    name = prompts.get("default_prompt_name")
    prompt = str((prompts.get("prompts") or {}).get(name, "")) if name else ""
    if prompt and not includes_prompt:
        raise ModelError(f"{folder}: pooling that leaves the default prompt out (include_prompt: false) is not offered")
    return replace(
        pooling, window=limits.get("max_seq_length"), lower_case=bool(limits.get("do_lower_case")), prompt=prompt
    )


def pool(hidden: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """One vector (D,) in float64 (float32 where the device has none) from hidden states (L, D) without padding."""
    values = hidden.float().cpu().double()
    pooled = {
        "mean": lambda: values.mean(0), "cls": lambda: values[0], "max": lambda: values.amax(0),
        "lasttoken": lambda: values[-1],
    }[pooling.mode]()
    return pooled / pooled.norm() if pooling.normalised else pooled


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """Class and folder of each sentence-transformers module, in order; none where there is no modules.json."""
    modules = _read(folder / "modules.json", of=list)
    try:
        return [(str(module["type"]).rpartition(".")[2], folder / str(module["path"])) for module in modules]
    except (TypeError, KeyError) as error:
        raise ModelError(f"{folder}/modules.json: a module has no type or path; download the model again") from error


def _mode(settings: Mapping[str, Any], folder: Path) -> str:
    """The mode of a pooling file, which gives a name, or a switch for each."""
    name = settings.get("pooling_mode")
    switches = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    modes = [name] if isinstance(name, str) else [MODES.get(key, key) for key in switches]
    if len(modes) != 1 or modes[0] not in MODES.values():
        raise ModelError(
            f"{folder}/config.json: pooling by {' and '.join(modes) or 'nothing'} is not offered; it must be one of "
            f"{', '.join(MODES.values())}"
        )
    return modes[0]


def _read(path: Path, of: type = dict) -> Any:
    """A JSON file; an empty value where there is none."""
    if not path.is_file():
        return of()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: this is not valid JSON ({error}); download the model again") from error
    if not isinstance(content, of):
        raise ModelError(f"{path}: expected a JSON {of.__name__}; download the model again")
    return content
