"""What two audits must have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def facts(out: Path) -> dict[str, Any]:
    """The audit in a run folder but for what was observed (timestamps and durations)."""
    found: dict[str, Any] = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    found.pop("observed")
    return found
