"""A small audit to attack, and a forger's tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import auditkit
from auditkit.schema import canonical

Line = dict[str, Any]
"""A line of the journal as JSON."""


def audit(out: Path, model: str = "planted:random", **settings: Any) -> auditkit.Audit:
    """A small audit, in half a second."""
    return auditkit.audit(model, **{"packs": ["claims"], "limit": 20, "out": str(out), **settings})


def forge(journal: Path, alter: Callable[[list[Line]], list[Line]]) -> None:
    """Alter a journal's lines as a forger would: numbers and hashes are made anew, so that the chain holds."""
    lines = alter([json.loads(line) for line in journal.read_text(encoding="utf-8").split("\n") if line])
    previous = "0" * 64
    for seq, line in enumerate(lines, start=1):
        line.update(seq=seq, prev=previous)
        line.pop("hash", None)
        line["hash"] = previous = hashlib.sha256(canonical(line)).hexdigest()
    journal.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def forge_config(run: Path, **values: Any) -> None:
    """Change the configuration in a journal's header, and leave the run unfinished."""

    def alter(lines: list[Line]) -> list[Line]:
        config = lines[0]["body"]["config"]
        for name, value in values.items():
            config[name] = {**config[name], **value} if isinstance(value, dict) else value
        return [line for line in lines if line["kind"] in ("header", "sample")]

    forge(run / "journal.jsonl", alter)


def reseal(run: Path) -> None:
    """Seal the audit.json that lies in the folder, as a forger would."""
    sha256 = hashlib.sha256((run / "audit.json").read_bytes()).hexdigest()

    def alter(lines: list[Line]) -> list[Line]:
        for line in lines:
            if line["kind"] == "seal":
                line["body"]["sha256"] = sha256
        return lines

    forge(run / "journal.jsonl", alter)
