"""The commented files that `auditkit init` writes: made from the records, so that they cannot go stale."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from auditkit.judge.policies import builtin_text
from auditkit.schema import Check, Config, Task, plain


def texts() -> dict[str, str]:
    """File name to text."""
    return {"audit.yaml": _audit(), "policy.yaml": _policy()}


def _audit() -> str:
    head = [
        "# What is audited, and how. Every key but `model` may be left out; the values here are the defaults.",
        "# Run: auditkit audit --config audit.yaml",
    ]
    values = {"model": "smollm2", "policy": "policy.yaml"}
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
        "# The checks below are those of the built-in policy; change them to what your deployment needs.",
    ]
    usual = Config.model_fields["packs"].default
    lines = [
        line for line in builtin_text("default").splitlines()
        if "benchmark: " not in line or any(f"benchmark: {name}," in line for name in usual)
    ]
    return "\n".join([*head, *lines]).replace("name: default", "name: my-policy", 1) + "\n"
