"""Options that set an audit up, shared by the commands that run one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

EXECUTION = [
    click.option("--executor", type=click.Choice(["auto", "local", "ray", "api"]), help="Who answers; see README."),
    click.option("--workers", type=click.IntRange(min=1), help="Workers of --executor ray."),
]
LIMITS = [
    click.option("--max-requests", type=click.IntRange(min=1), help="Most HTTP requests to an endpoint; then exit 4."),
    click.option("--max-tokens", type=click.IntRange(min=1), help="Most tokens of an endpoint; then exit 4."),
    click.option("--price-per-million-input", type=click.FloatRange(min=0), help="Price of tokens that it reads."),
    click.option("--price-per-million-output", type=click.FloatRange(min=0), help="Price of tokens that it writes."),
]
OPTIONS = [
    click.option("--config", "config_file", type=click.Path(path_type=Path), help="audit.yaml; options override it."),
    click.option("--pack", "packs", multiple=True, metavar="NAME", help="Pack name or folder; repeatable."),
    click.option("--task", help="Audit your own data: the kind of task, e.g. classification; packs only if named."),
    click.option("--data", help="With --task: a file, folder or Hub id."),
    click.option("--split", help="With --task: the split to read."),
    click.option("--columns", metavar="NAME=COLUMN,…", help="With --task: e.g. text=review,label=stars."),
    click.option("--limit", type=click.IntRange(min=1), help="Most samples a pack (whole clusters, seeded)."),
    click.option("--seed", type=int, help="Seed of sampling and resampling."),
    click.option("--policy", help="Built-in policy or policy file."),
    click.option(
        "--kind",
        type=click.Choice(["auto", "causal", "masked", "classifier", "tagger", "span", "seq2seq", "embedder"]),
        help="Model family.",
    ),
    click.option("--base", help="Base model of PEFT adapter weights; default what they name."),
    click.option("--quantise", type=click.Choice(["none", "int8"]), help="int8: linear layers in 8 bits, on a CPU."),
    click.option("--source-language", help="Code of the language that a translation model reads."),
    click.option("--target-language", help="Code of the language that a translation model writes."),
    click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), help="Number format."),
    click.option("--device", help="auto, cpu, cuda, cuda:N or mps."),
    click.option("--chat", type=click.Choice(["auto", "always", "never"]), help="Use the model's chat template."),
    click.option("--bos", type=click.Choice(["auto", "always", "never"]), help="BOS before every text."),
    click.option("--rule", "asked_rules", multiple=True, metavar="[PACK=]RULE", help="Scoring rule; repeatable."),
    click.option("--robustness", metavar="LIST", help="Variants beside: formats,typos,case,punctuation."),
    click.option("--typo-rate", type=float, help="Typing errors for each letter, with --robustness typos."),
    click.option("--threads", type=click.IntRange(min=1), help="CPU threads, of each worker."),
    *EXECUTION,
    click.option("--batch-tokens", type=click.IntRange(min=1), help="Token budget of a forward pass."),
    click.option("--explain", "explain_samples", type=click.IntRange(min=0), help="Samples explained a metric."),
    *LIMITS,
    click.option("--evidence", type=click.Choice(["full", "hash", "none"]), help="What is kept of cited texts."),
    click.option("--offline", is_flag=True, default=None, help="Block every network connection."),
    click.option("--trust-remote-code", is_flag=True, default=None, help="Run code from the model's repository."),
    click.option("--out", type=click.Path(), help="Run folder; default reports/MODEL-HASH."),
]


def audit_options(command: F) -> F:
    """Add the options of an audit to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def execution_options(command: F) -> F:
    """Add the options that say who answers, how far it may go and what it costs: a run folder does not keep them."""
    for option in reversed([*EXECUTION, *LIMITS]):
        command = option(command)
    return command


NESTED = {
    "explain_samples": ("explain", "samples"), "max_requests": ("api", "max_requests"),
    "max_tokens": ("api", "max_tokens"), "price_per_million_input": ("api", "price_per_million_input"),
    "price_per_million_output": ("api", "price_per_million_output"),
}
"""Option to the record and key of the configuration that it sets."""


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as the configuration names and nests them."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if value is not None and name in NESTED:
            record, key = NESTED[name]
            found.setdefault(record, {})[key] = value
        elif value is not None:
            found[name] = value
    return found


def column_names(pairs: str | None) -> dict[str, str]:
    """What `--columns` says: the task's name for a column, to the column.

    Raises:
        ConfigError: not pairs.
    """
    from auditkit.errors import ConfigError

    parts = [pair.partition("=") for pair in (pairs or "").split(",") if pair.strip()]
    if any(not sign or not column.strip() for _, sign, column in parts):
        raise ConfigError("--columns: expected NAME=COLUMN pairs, with commas between: text=review,label=stars")
    return {name.strip(): column.strip() for name, _, column in parts}


TASK = ("task", "data", "split", "columns", "packs")
"""Options that make one task, and the packs beside it."""


def _task(config_file: Path | None, **given: Any) -> dict[str, Any]:
    """The task that the options describe; then no pack is run but those named.

    Raises:
        ConfigError: --data without --task, or the reverse, or columns that are no pairs.
    """
    from auditkit.errors import ConfigError

    packs, kind, data = given["packs"], given["task"], given["data"]
    if (kind is None) != (data is None):
        raise ConfigError("--task and --data go together: give both, or describe the data under tasks: in audit.yaml")
    if kind is None or data is None:
        if given["columns"] or given["split"]:
            raise ConfigError("--columns and --split describe --data; give --task and --data too")
        return {"packs": packs}
    if config_file is not None:
        raise ConfigError("--task and --config cannot be given together; put the task under tasks: in the file")
    name = re.sub(r"[^a-z0-9]+", "-", Path(data).stem.lower()).strip("-") or "task"
    columns = column_names(given["columns"])
    task = {"name": name, "task": kind, "data": data, "split": given["split"], "columns": columns}
    return {"packs": packs or [], "tasks": [task]}


def read_config(model: str | None, config_file: Path | None, **given: Any) -> Any:
    """The configuration: the file's values, overridden by what was given on the command line.

    Raises:
        ConfigError: no model, or a wrong key or value.
    """
    from pydantic import ValidationError

    from auditkit.config import read_yaml
    from auditkit.errors import ConfigError
    from auditkit.schema import Config

    asked = given.pop("asked_rules", ())
    mine = {name: given.pop(name, None) for name in TASK}
    given |= _task(config_file, **mine)
    chosen = {
        name: value for name, value in given.items() if value is not None and value != () and name not in NESTED
    }
    if model is not None:
        chosen["model"] = model
    for option, (record, key) in NESTED.items():
        if given.get(option) is not None:
            chosen[record] = {**_in_file(config_file, record), **chosen.get(record, {}), key: given[option]}
    if chosen.get("robustness"):
        chosen["robustness"] = tuple(kind.strip() for kind in chosen["robustness"].split(","))
    if asked:
        pairs = [rule.rpartition("=") for rule in asked]
        chosen["rules"] = _in_file(config_file, "rules") | {pack or "all": rule for pack, _, rule in pairs}
    if config_file is not None:
        return read_yaml(config_file, Config, **chosen)
    if model is None:
        kinds = "a Hub id, a directory, a GGUF file, smollm2, openai:MODEL@BASE_URL, predictions:FILE or planted:NAME"
        raise ConfigError(f"no model: name one ({kinds})")
    try:
        return Config.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"--{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


def _in_file(config_file: Path | None, key: str) -> dict[str, Any]:
    """What the file says under a key that holds a mapping."""
    from auditkit.config import load_yaml

    found = load_yaml(config_file)[0].get(key, {}) if config_file is not None else {}
    return found if isinstance(found, dict) else {}
