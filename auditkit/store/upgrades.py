"""Older audit.json files, brought to the present form on plain dicts, before validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from auditkit.errors import RecordError
from auditkit.schema import SCHEMA_VERSION
from auditkit.store.version_1 import to_version_2

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

UPGRADES: dict[int, Upgrade] = {1: to_version_2}
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
