"""A mirror of published data: a folder whose manifest.json names each file's content hash."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from auditkit.errors import ConfigError

VARIABLE = "AUDITKIT_MIRROR"
MANIFEST = "manifest.json"


class Mirror:
    """Files by the sha256 of their decompressed bytes."""

    def __init__(self, folder: Path) -> None:
        """Read a mirror's manifest: `{folder: {file: {"content_sha256": …}}}`.

        Raises:
            ConfigError: the folder holds no manifest, or one that cannot be read.
        """
        self.folder = folder
        self._files = _index(folder, _stamp(folder / MANIFEST))

    def find(self, sha256: str) -> Path | None:
        """Where the file with this content lies, perhaps compressed (.gz, .bz2); not checked against its hash."""
        path = self._files.get(sha256)
        return path if path is not None and path.is_file() else None


def open_mirror(folder: Path | None = None) -> Mirror | None:
    """The mirror in a folder, or the one that `AUDITKIT_MIRROR` names; `None` where neither is given.

    Raises:
        ConfigError: it is named, but is not a mirror.
    """
    named = str(folder) if folder is not None else os.environ.get(VARIABLE)
    return Mirror(Path(named).expanduser()) if named else None


def _stamp(manifest: Path) -> tuple[int, int]:
    try:
        status = manifest.stat()
    except OSError:
        hint = f"a mirror ({VARIABLE}, --mirror) is a folder that holds it"
        raise ConfigError(f"{manifest}: no such file; {hint}") from None
    return status.st_mtime_ns, status.st_size


@cache
def _index(folder: Path, stamp: tuple[int, int]) -> dict[str, Path]:
    manifest = folder / MANIFEST
    try:
        data: Any = json.loads(manifest.read_text(encoding="utf-8"))
        return {
            facts["content_sha256"]: folder / group / name
            for group, files in data.items() for name, facts in files.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{manifest}: cannot be read as a mirror's manifest ({type(error).__name__}: {error}); expected "
            '{folder: {file: {"content_sha256": …}}}'
        ) from None
