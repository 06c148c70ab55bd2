"""Older audit.json files, brought to the present form on plain dicts, before validation.

A step turns version n into n + 1. It is a module of its own, with one small function a record that changed; new fields
with a default need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from auditkit.errors import RecordError
from auditkit.schema import SCHEMA_VERSION
from auditkit.store.version_1 import to_version_2

Plain = dict[str, Any]
Upgrade = Callable[[Plain], Plain]

CANONICAL_SINCE = 2
"""The first version whose hashes are made over RFC 8785 canonical JSON."""


UPGRADES: dict[int, Upgrade] = {1: to_version_2}
"""Version n to what turns it into n + 1."""


def upgrade(
    data: Plain, where: str, *, current: int = SCHEMA_VERSION, steps: Mapping[int, Upgrade] = UPGRADES
) -> Plain:
    """Bring an audit to the present version.

    Args:
        data: the audit, with its `schema_version`.
        where: file name, for messages.
        current: the version to reach.
        steps: version n to the function that gives n + 1.

    Raises:
        RecordError: no version, a newer one, one too old to be upgraded, or not an audit of its version.
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
        try:
            data = {**steps[number](data), "schema_version": number + 1}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise RecordError(f"{where}: is not an audit of schema_version {number} ({what}); run it again") from None
    return data
