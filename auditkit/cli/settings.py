"""What sets an audit up on the command line: an option for each field of `Config`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from auditkit.cli.options import apply, option, plain_fields, values_of
from auditkit.config import make_record, nested, read_yaml
from auditkit.errors import ConfigError
from auditkit.schema import Config, Task
from auditkit.schema.config import EXECUTION, GOING_ON, LIMITS_AND_PRICES, NOT_KEPT
from auditkit.schema.faults import Location
from auditkit.schema.spelling import COMMAND_LINE, option_name

F = TypeVar("F", bound=Callable[..., Any])

TASK_OPTIONS = ("data", "split", "columns", "groups", "separator", "language")
"""Keys of a task that have an option, beside its kind."""
_SPECIAL: dict[str, dict[str, Any]] = {
    "packs": {"metavar": "NAME", "help": "{} Repeatable."},
    "allow_http": {"metavar": "HOST", "help": "{} Repeatable."},
    "rules": {"type": str, "multiple": True, "metavar": "[PACK=]RULE", "help": "{} Repeatable."},
}
"""Fields whose option is repeated, for one item each."""


def _config_option(*location: str) -> Callable[[F], F]:
    return option(Config, *location, flag=option_name(*location), **_SPECIAL.get(location[-1], {}))


def _task_option(name: str) -> Callable[[F], F]:
    return option(Task, name, help="With --task: {}", required=False)


_EXECUTION = [
    *(_config_option(name) for name in GOING_ON),
    *(_config_option("api", name) for name in (*LIMITS_AND_PRICES, *NOT_KEPT)),
]
_SAID_AGAIN = [
    option(Config, "model", flag="--model", required=False,
           help="The model that the journal names, said again: else the network is blocked, and no endpoint is asked."),
    option(Config, "base", help="The base model that the journal names, said again: with --model, where it names one."),
    option(Config, "trust_remote_code", help="With --model, as the run was begun: {}"),
]
_OPTIONS = [
    click.option("--config", "config_file", type=click.Path(path_type=Path), help="audit.yaml; options override it."),
    option(Task, "task", required=False, metavar="KIND",
           help="Audit your own data, and only those packs that are named: {}"),
    *map(_task_option, TASK_OPTIONS),
    *(_config_option(name) for name in plain_fields(Config) if name not in ("model", *EXECUTION)),
    _config_option("explain", "samples"),
    option(Config, "fresh", flag="--fresh/--no-fresh"),
    *_EXECUTION,
]


def audit_options(command: F) -> F:
    """Add the options of an audit to a command."""
    return apply(_OPTIONS, command)


def execution_options(command: F) -> F:
    """Add the options that say who answers, how far it may go, what it costs, and what a run folder cannot decide."""
    return apply([*_SAID_AGAIN, *_EXECUTION], command)


def config_options(*names: str) -> Iterable[Callable[[F], F]]:
    """Options of single fields of `Config`, for commands that take few of them."""
    return map(_config_option, names)


def execution(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `execution_options` on the command line, as the configuration names and nests them."""
    return nested(values_of(options))


def read_config(model: str | None, config_file: Path | None, options: Mapping[str, Any]) -> Config:
    """The configuration: the file's values, overridden by those of the command line.

    Args:
        model: the argument of the command.
        config_file: audit.yaml.
        options: the values of `audit_options`.

    Raises:
        ConfigError: no model, or a wrong key or value.
    """
    task = {name: options[name] for name in ("task", *TASK_OPTIONS) if options.get(name) is not None}
    values = values_of({name: value for name, value in options.items() if name not in task})
    if model is not None:
        values["model",] = model
    for name, other in (("size", "limit"), ("limit", "size")):
        if (name,) in values:  # it replaces the file's word for how many, whichever of the two that is
            values.setdefault((other,), None)
    for rule in values.pop(("rules",), ()):
        pack, _, name = rule.rpartition("=")
        values["rules", pack or "all"] = name
    if task:
        values |= _task(task, config_file)
        values.setdefault(("packs",), [])
    if ("fresh",) not in values and in_ci():  # over the file's word: a pull request may bring the file
        values["fresh",] = True
    if config_file is not None:
        return read_yaml(config_file, Config, values, COMMAND_LINE)
    if model is None:
        kinds = (
            "a Hub id, a directory, a GGUF file, smollm2, openai:MODEL@BASE_URL, python:MODULE:FUNCTION, "
            "predictions:FILE or planted:NAME"
        )
        raise ConfigError(f"no model: name one ({kinds})")
    return make_record(Config, values, COMMAND_LINE)


def in_ci() -> bool:
    """Whether the environment says that this is continuous integration."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no", "off")


def _task(task: dict[str, Any], config_file: Path | None) -> dict[Location, Any]:
    """The one task that the options describe.

    Raises:
        ConfigError: --data without --task, or the reverse, or both beside a file.
    """
    if "task" not in task and "data" not in task:
        described = " and ".join(option_name(name) for name in TASK_OPTIONS[1:] if name in task)
        verb = "describes" if len(task) == 1 else "describe"
        raise ConfigError(f"{described} {verb} --data; give --task and --data too")
    if "task" not in task or "data" not in task:
        raise ConfigError("--task and --data go together: give both, or describe the data under tasks: in audit.yaml")
    if config_file is not None:
        raise ConfigError("--task and --config cannot be given together; put the task under tasks: in the file")
    name = re.sub(r"[^a-z0-9]+", "-", Path(task["data"]).stem.lower()).strip("-") or "task"
    return {("tasks",): [{"name": name, **task}]}
