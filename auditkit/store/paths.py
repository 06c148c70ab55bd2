"""Where auditkit keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """Folder of the answer cache, converted weights and pulled data.

    `AUDITKIT_CACHE` where it is set, else `~/.cache/auditkit`. It is not created here.
    """
    folder = os.environ.get("AUDITKIT_CACHE")
    return Path(folder).expanduser() if folder else Path.home() / ".cache" / "auditkit"
