"""Policies: the checks that a user writes, or the union of those that packs bring."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from auditkit.config import load_yaml, read_yaml
from auditkit.errors import ConfigError
from auditkit.judge.validator import PolicyFault
from auditkit.schema import NOTHING, Benchmark, PackChecks, Policy

BUILT_IN = {
    "default": "the checks of all packs whose card says default: true",
    "packs": "the checks of the packs that the audit names",
    NOTHING: "no check: the audit is measured, not judged",
}
"""Name of a built-in policy to what it holds."""
SET_BY_AUDITKIT = ("built_in", "family")
"""Fields of a policy that no file may set."""


def united(name: str, shares: Iterable[tuple[Benchmark, PackChecks]]) -> Policy:
    """A policy of the checks that packs bring: blocking ones first, then by rule, whatever order the packs have.

    Args:
        name: of the policy.
        shares: cards, and what each pack brings; none is a policy without checks, under which nothing is decided. A
            check is about the rows that the card seals.
    """
    brought = sorted(((card, share) for card, share in shares if share.checks), key=lambda item: item[0].name)
    checks = sorted(
        (check.model_copy(update={"rows_sha256": card.sha256}) for card, share in brought for check in share.checks),
        key=lambda check: (check.severity != "block", check.rule),
    )
    description = " ".join(" ".join(share.description.split()) for _, share in brought)
    return Policy(name=name, description=description, checks=tuple(checks), built_in=True)


def read_policy(path: Path) -> Policy:
    """A policy that a user wrote.

    Raises:
        ConfigError: no such file, a fault in it, the name of a built-in policy, or no blocking check.
    """
    if not path.exists():
        raise ConfigError(f'no policy "{path}": neither built in ({", ".join(BUILT_IN)}) nor a file')
    policy = read_yaml(path, Policy)
    lines = load_yaml(path)[1]
    for name in SET_BY_AUDITKIT:
        if (name,) in lines:
            raise ConfigError(f'{path}:{lines[(name,)]}: "{name}": auditkit sets it; remove it')
    if policy.name in BUILT_IN:
        raise ConfigError(
            f'{path}:{lines[("name",)]}: "name": {policy.name} is a built-in policy; give yours another name'
        )
    if not any(check.severity == "block" for check in policy.checks):
        raise ConfigError(f"{path}: no check has severity: block, so the gate could never pass; give one")
    return policy


def refuse(faults: Iterable[PolicyFault], source: Path | str) -> None:
    """Refuse a policy for its first fault.

    Args:
        faults: of the policy.
        source: the policy's file, or the name of a built-in one.

    Raises:
        ConfigError: `file:line: key: what, and what to do`.
    """
    for fault in faults:
        key = ".".join(str(part) for part in fault.location)
        where = str(source)
        if isinstance(source, Path):
            lines = load_yaml(source)[1]
            location = fault.location
            while location and location not in lines:
                location = location[:-1]
            where = f"{source}:{lines.get(location, 1)}"
        raise ConfigError(f'{where}: "{key}": {fault.text}')
