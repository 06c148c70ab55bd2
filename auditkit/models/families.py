"""Model families: one record each, from which opening, `--kind`, `list models` and `doctor` follow.

A record is registered as `family.NAME`, built-in ones and those of plugins alike. It names what it needs as
`module:object`, so that reading all records imports no adapter and no library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from auditkit import registry
from auditkit.errors import ModelError, RegistryError, did_you_mean

_MANY_KINDS = "ForConditionalGeneration"
"""How transformers ends the names of encoder-decoders of text and of models of images alike."""


@dataclass(frozen=True)
class Family:
    """One family of models. Either `adapter` and `auto_class` (weights), or a `scheme` with what opens it."""

    name: str
    """As `--kind`, the subject and `list models` call it."""
    description: str
    """What it answers and where it comes from, in one line."""

    adapter: str = ""
    """`module:class` that makes an adapter of a `Checkpoint`."""
    auto_class: str = ""
    """The class of transformers that loads its weights, head included, e.g. `AutoModelForCausalLM`."""
    suffix: str = ""
    """How config.json ends the name of its architecture, e.g. `ForCausalLM`."""
    table: str = ""
    """Transformers' table of its architectures, in `transformers.models.auto.modeling_auto`."""
    signs: str = ""
    """`module:function` of a model's folder: whether files beside config.json say that it is of this family."""
    otherwise: str = ""
    """`module:function` of config.json: whether it is of this family, where no architecture names one."""
    order: int = 0
    """Families are asked in this order whether a folder is theirs; those of plugins (0) before the built-in ones."""
    peft_task: str = ""
    """The task that PEFT writes into adapter weights for it, e.g. `CAUSAL_LM`."""
    encoder_decoder: bool = False
    """Whether an encoder reads the prompt and a decoder writes the answer; then its tokenizer may be a slow one."""
    unread: tuple[str, ...] = ()
    """Beginnings of the names of tensors that it does not read, so that they may be missing in the weights."""
    reading: str = ""
    """`module:function` of model, tokenizer, folder and `Config` to a `ReadingRules`: what its numbers depend on."""

    scheme: str = ""
    """How the name of a model begins that is not found as weights, e.g. `openai:`."""
    forms: tuple[str, ...] = ()
    """How such models are named, for people."""
    opener: str = ""
    """`module:function` of `Config` and `OnEvent` to an adapter."""
    answerer: str = ""
    """`module:function` of what follows the scheme and `PackRows` to a `SampleAnswerer`, in place of `opener`."""
    remote: bool = False
    """Whether it is asked over the network."""
    runs_code: bool = False
    """Whether naming such a model runs code of its own: no run folder decides that."""

    def load(self, field: str) -> Any:
        """The object that a field names as `module:object`.

        Raises:
            ModelError: it cannot be imported.
        """
        target = getattr(self, field)
        try:
            return resolve_name(target)
        except (ImportError, AttributeError, ValueError) as error:
            raise ModelError(
                f'the family "{self.name}" names {field} {target}, which cannot be imported '
                f"({type(error).__name__}: {error}); reinstall the package that brings it"
            ) from error

    def problem(self) -> str | None:
        """Why its models cannot be opened; `None` where what opens them can be imported."""
        for field in ("adapter", "opener", "answerer"):
            if getattr(self, field):
                try:
                    self.load(field)
                except ModelError as error:
                    return str(error)
        return None

    def claims(self, architecture: str, tables: Any) -> bool:
        """Whether an architecture of config.json is of this family.

        Args:
            architecture: e.g. `LlamaForCausalLM`.
            tables: `transformers.models.auto.modeling_auto`.
        """
        # the table of causal models lists models of images too
        if architecture.endswith(_MANY_KINDS) and not self.encoder_decoder and not self.suffix.endswith(_MANY_KINDS):
            return False
        if self.suffix and architecture.endswith(self.suffix):
            return True
        return bool(self.table) and architecture in getattr(tables, self.table).values()


def all_families() -> tuple[Family, ...]:
    """Every family that can be imported, in the order in which they are asked; `list plugins` names the others.

    Raises:
        RegistryError: a built-in one is not registered or cannot be used, or a plugin claims its name.
    """
    loaded, _ = registry.load_all("family", Family)
    if not any(plugin.built_in for plugin, _ in loaded):
        raise RegistryError("no model family is registered; `pip install -e .` must run again after an update")
    return tuple(sorted((family for _, family in loaded), key=lambda family: (family.order, family.name)))


def families_of_weights() -> tuple[Family, ...]:
    """Those that `--kind` can name."""
    return tuple(family for family in all_families() if family.auto_class)


def family_named(name: str) -> Family:
    """The family of weights with a name.

    Raises:
        ModelError: there is none; tells the nearest one.
        RegistryError: it cannot be imported, or two packages bring it.
    """
    if name in registry.names("family"):
        family: Family = registry.get("family", name)
        if family.auto_class:
            return family
    names = sorted(family.name for family in families_of_weights())
    hint = did_you_mean(name, names, "choose one of them, or auto")
    raise ModelError(f'kind: "{name}" is not a family of weights ({", ".join(names)}); {hint}')


def check_kind(kind: str) -> None:
    """Refuse, before anything is loaded, a `Config.kind` that no family has.

    Raises:
        ModelError: there is none; tells the nearest one.
    """
    if kind != "auto":
        family_named(kind)


def family_of_scheme(model: str) -> Family | None:
    """The family whose scheme begins a model's name; `None` for weights, which are named otherwise."""
    return next((family for family in all_families() if family.scheme and model.startswith(family.scheme)), None)


def answers_by_sample(kind: str) -> bool:
    """Whether a subject's family answers from samples, not from what it is asked."""
    return any(family.name == kind and family.answerer for family in all_families())


def family_of_folder(folder: Path, settings: Mapping[str, Any], peft_task: str | None = None) -> Family:
    """The family of a model's weights: what adapter weights, files, or config.json say.

    Args:
        folder: of the model.
        settings: its config.json.
        peft_task: the task that adapter weights name, where there are any.

    Raises:
        ModelError: nothing names a family.
    """
    from transformers.models.auto import modeling_auto as tables

    families = families_of_weights()
    architectures = [str(name) for name in settings.get("architectures") or ()]
    for family in families:
        if peft_task and family.peft_task == peft_task:
            return family
    for family in families:
        if family.signs and family.load("signs")(folder):
            return family
    for architecture in architectures:
        for family in families:
            if family.claims(architecture, tables):
                return family
    for family in families:
        if family.otherwise and family.load("otherwise")(settings):
            return family
    text = ", ".join(architectures) or f"model_type {settings.get('model_type')}, no architectures"
    names = ", ".join(sorted(family.name for family in families))
    raise ModelError(
        f"{folder}/config.json: the family cannot be read from {text}; if its weights hold the head of one, say "
        f"--kind: {names} (`auditkit list models` describes them)"
    )
