"""auditkit: decide, with numbers that can be defended, whether a language model may be deployed.

    import auditkit
    result = auditkit.audit("smollm2", packs=["ambiguous-qa"], limit=200)
    auditkit.sentence(result)
    result.to_frame()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditkit.measure.definition import metric as metric
    from auditkit.pipeline.audit import audit as audit
    from auditkit.pipeline.finetune import finetune as finetune
    from auditkit.pipeline.verify import verify as verify
    from auditkit.render.view.verdict import sentence as sentence
    from auditkit.schema import Audit as Audit
    from auditkit.schema import Config as Config
    from auditkit.schema import Output as Output
    from auditkit.schema import Policy as Policy
    from auditkit.schema import Sample as Sample
    from auditkit.schema import Score as Score
    from auditkit.store.folder import load_audit as load_audit

_EXPORTS = {
    "Audit": "auditkit.schema",
    "Config": "auditkit.schema",
    "Output": "auditkit.schema",
    "Policy": "auditkit.schema",
    "Sample": "auditkit.schema",
    "Score": "auditkit.schema",
    "audit": "auditkit.pipeline.audit",
    "finetune": "auditkit.pipeline.finetune",
    "load_audit": "auditkit.store.folder",
    "metric": "auditkit.measure.definition",
    "sentence": "auditkit.render.view.verdict",
    "verify": "auditkit.pipeline.verify",
}

__all__ = [
    "Audit", "Config", "Output", "Policy", "Sample", "Score", "audit", "finetune", "load_audit", "metric", "sentence",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'auditkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
