"""Policies: the checks that a user writes, or the union of those that packs bring."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from auditkit.config import load_yaml, read_yaml
from auditkit.errors import ConfigError, did_you_mean
from auditkit.registry import names
from auditkit.schema import Check, PackChecks, Policy

BUILT_IN = {
    "default": "the checks of the audited packs whose card says default: true",
    "packs": "the checks of every audited pack that brings some",
}
"""Name of a built-in policy to what it holds."""


def united(name: str, shares: Iterable[PackChecks]) -> Policy:
    """A policy of the checks that packs bring: blocking ones first, then by rule, whatever order the packs have.

    Args:
        name: of the policy.
        shares: what each pack brings; none is a policy without checks, under which nothing is decided.
    """
    shares = sorted((share for share in shares if share.checks), key=lambda share: share.checks[0].benchmark)
    checks = sorted((check for share in shares for check in share.checks), key=_place)
    description = " ".join(" ".join(share.description.split()) for share in shares)
    return Policy(name=name, description=description, checks=tuple(checks))


def _place(check: Check) -> tuple[bool, str]:
    return check.severity != "block", check.rule


def read_policy(path: Path) -> Policy:
    """A policy that a user wrote.

    Raises:
        ConfigError: no such file, a fault in it, a rule that is not installed, or no blocking check.
    """
    if not path.exists():
        raise ConfigError(f'no policy "{path}": neither built in ({", ".join(BUILT_IN)}) nor a file')
    policy = read_yaml(path, Policy)
    codes = names("rule")
    for number, check in enumerate(policy.checks):
        if check.rule not in codes:
            line = load_yaml(path)[1]["checks", number, "rule"]
            hint = did_you_mean(check.rule, codes, f"there are {', '.join(codes)}")
            raise ConfigError(f'{path}:{line}: "checks.{number}.rule": no rule is called "{check.rule}"; {hint}')
    if not any(check.severity == "block" for check in policy.checks):
        raise ConfigError(f"{path}: no check has severity: block, so the gate could never pass; give one")
    return policy
