"""Older audit.json files, brought to the present form on plain dicts, before validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from auditkit.errors import RecordError
from auditkit.schema import SCHEMA_VERSION

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

_ANSWERS: dict[str, tuple[str, str]] = {
    "options": ("options", "options"), "similarities": ("similarities", "values"),
    "probabilities": ("probabilities", "classes"), "number": ("number", "value"), "tags": ("tags", "tags"),
    "vector": ("vector", "values"),
}
"""Field of an output of version 1 to the kind of answer and its field that took its place."""


def _one_answer(output: dict[str, Any]) -> dict[str, Any]:
    """An output of version 1, which had a field for each kind of answer, with one answer; a text where all are empty:
    an endpoint's refusal had none."""
    fields = {name: output.get(name) for name in (*_ANSWERS, "span", "text", "repaired")}
    kept = {name: value for name, value in output.items() if name not in fields}
    answer: dict[str, Any] | None = None
    if output.get("error") is None:
        answer = {"kind": "text", "text": fields["text"] or "", "repaired": bool(fields["repaired"])}
        if fields["span"] is not None:
            answer = {"kind": "span", **fields["span"]}
        for name, (kind, field) in _ANSWERS.items():
            if fields[name] is not None:
                answer = {"kind": kind, field: fields[name]}
                break
    return {**kept, "answer": answer}


def _first(audit: dict[str, Any]) -> dict[str, Any]:
    """Version 1 to 2."""
    evidence = {
        name: {**item, "output": _one_answer(item["output"])} if item.get("output") else item
        for name, item in audit.get("evidence", {}).items()
    }
    return {**audit, "evidence": evidence}


UPGRADES: dict[int, Upgrade] = {1: _first}
"""Version n to what turns it into n + 1."""


def upgrade(
    data: dict[str, Any], where: str, *, current: int = SCHEMA_VERSION, steps: Mapping[int, Upgrade] = UPGRADES
) -> dict[str, Any]:
    """Bring a record to the present version.

    Args:
        data: the record, with its `schema_version`.
        where: file name, for messages.
        current: the version to reach.
        steps: version n to the function that gives n + 1.

    Raises:
        RecordError: no version, a newer one, or one too old to be upgraded.
    """
    version = data.get("schema_version")
    if type(version) is not int or version < 1:
        raise RecordError(f"{where}: schema_version: expected a whole number from 1, found {version!r}")
    if version > current:
        raise RecordError(
            f"{where}: schema_version {version} is newer than this auditkit reads ({current}); upgrade auditkit"
        )
    for number in range(version, current):
        if number not in steps:
            raise RecordError(f"{where}: schema_version {number} cannot be upgraded; run the audit again")
        data = {**steps[number](data), "schema_version": number + 1}
    return data
