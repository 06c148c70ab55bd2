"""The commented files that `auditkit init` writes: made from the records, so that they cannot go stale."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from auditkit.load.packs import CHECKS, open_checks, packs_root
from auditkit.schema import Check, Config, Task, plain


def texts(folder: Path) -> dict[str, str]:
    """File name to text, for files that will lie in a folder."""
    return {"audit.yaml": _audit(folder), "policy.yaml": _policy()}


def _audit(folder: Path) -> str:
    head = [
        "# What is audited, and how. Every key but `model` may be left out; the values here are the defaults.",
        f"# Run: auditkit audit --config {folder / 'audit.yaml'}",
    ]
    values = {"model": "smollm2", "policy": str(folder / "policy.yaml")}
    return "\n".join(head + _lines(Config, values)) + "\n"


def _tasks() -> list[str]:
    """The keys of a task, as comments, and an example."""
    keys = [f"#   {name}: {' '.join((field.description or '').split())}" for name, field in Task.model_fields.items()]
    example = "{name: reviews, task: classification, data: reviews.csv, columns: {text: review, label: stars}}"
    return ["# The keys of a task:", *keys, f"# Example: tasks: [{example}]"]


def _lines(record: type[BaseModel], values: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, field in record.model_fields.items():
        default = values.get(name)
        if default is None and not field.is_required():
            default = plain(field.get_default(call_default_factory=True))
        lines += [f"{indent}# {' '.join(line.split())}" for line in (field.description or "").split("\n")]
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            lines += [f"{indent}{name}:", *_lines(field.annotation, {}, indent + "  ")]
        else:
            lines += _tasks() if name == "tasks" else []
            lines.append(f"{indent}{name}: {json.dumps(default)}")
    return lines


def _policy() -> str:
    keys = [
        f"#   {name}: {' '.join((field.description or '').split())}".rstrip(": ")
        for name, field in Check.model_fields.items()
    ]
    head = [
        "# What a deployment must satisfy. A check passes only if the unfavourable end of the worst-case interval",
        "# clears its bound; it fails if the favourable end misses it; else it is inconclusive.",
        "# The keys of a check:",
        *keys,
        "# A waiver accepts one failure: waivers: [{finding: RULE estimate-id, owner: …, reason: …,",
        "#   accepted_bound: 0.15, expires: 2030-01-31}]",
        "# The checks below are those that the packs audited by default bring to the built-in policy; change them to",
        "# what your deployment needs.",
        "schema_version: 1",
        "name: my-policy",
        "checks:",
    ]
    return "\n".join([*head, *(line for pack in Config.model_fields["packs"].default for line in _checks(pack))]) + "\n"


def _checks(pack: str) -> list[str]:
    """The checks of a pack as they are written in its folder, with what they are for as comments."""
    share = open_checks(pack)
    text = (packs_root() / pack / CHECKS).read_text(encoding="utf-8")
    purpose = textwrap.wrap(" ".join(share.description.split()), 110, initial_indent="  # ", subsequent_indent="  # ")
    return [*purpose, *(line for line in text.partition("\nchecks:\n")[2].splitlines() if line.strip())]
