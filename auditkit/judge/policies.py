"""Built-in policies, and policies that users write."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from auditkit.config import read_yaml
from auditkit.errors import ConfigError
from auditkit.schema import Policy


def builtin_names() -> list[str]:
    """Names of the policies that ship with auditkit."""
    return sorted(item.name.removesuffix(".yaml") for item in _folder().iterdir() if item.name.endswith(".yaml"))


def builtin_text(name: str) -> str:
    """The YAML text of a built-in policy, as `auditkit init` writes it."""
    return (_folder() / f"{name}.yaml").read_text(encoding="utf-8")


def open_policy(name: str, packs: Collection[str]) -> Policy:
    """A built-in policy by name, or a policy file by path.

    Args:
        name: `default`, or the path of a policy file.
        packs: packs that are audited. A built-in policy keeps only their checks, perhaps none; a user's policy keeps
            all of its checks, and one that finds no estimate is an error.

    Raises:
        ConfigError: no such policy, a fault in the file, or no blocking check in it.
    """
    if name in builtin_names():
        with as_file(_folder() / f"{name}.yaml") as path:
            policy = read_yaml(path, Policy)
        # Published and own data have no built-in bound: without a check, the verdict is undecided.
        return policy.model_copy(update={"checks": tuple(check for check in policy.checks if check.benchmark in packs)})
    path = Path(name)
    if not path.exists():
        raise ConfigError(f'no policy "{name}": neither built in ({", ".join(builtin_names())}) nor a file')
    policy = read_yaml(path, Policy)
    if not any(check.severity == "block" for check in policy.checks):
        raise ConfigError(f"{path}: no check has severity: block, so the gate could never pass; give one")
    return policy


def _folder() -> Traversable:
    return files("auditkit.judge") / "policies"
