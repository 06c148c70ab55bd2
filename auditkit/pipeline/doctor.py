"""What this installation can do, and the command that adds what is missing."""

from __future__ import annotations

import os
from importlib.util import find_spec

from auditkit.models.device import describe_devices
from auditkit.models.families import all_families
from auditkit.pipeline.around.environment import environment
from auditkit.registry import EVERYTHING, FEATURES, missing, plugins
from auditkit.store.paths import cache_home


def examine() -> dict[str, dict[str, str]]:
    """Section to facts."""
    broken = [plugin for plugin in plugins(check=True) if plugin.problem]
    return {
        "versions": environment(),
        "device": describe_devices() if find_spec("torch") else {"none": f"no model runs here; add: {EVERYTHING}"},
        "features": {feature.title: missing(name) or "ready" for name, feature in FEATURES.items()},
        "families": {family.name: family.problem() or "ready" for family in all_families()},
        "plugins": {p.name: p.problem or "" for p in broken} or {"all": "can be imported"},
        "cache": {"folder": str(cache_home()), "writable": "yes" if _writable() else "no: set AUDITKIT_CACHE"},
    }


def _writable() -> bool:
    folder = cache_home()
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
