"""Paths and addresses that no file or server can have: one line and exit 2, whatever the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

LONG = "x" * 400
COMMANDS = {
    "a model": ["audit", f"./{LONG}"], "a policy": ["audit", "planted:random", "--policy", LONG],
    "a pack": ["pack", "check", LONG], "a sealed pack": ["pack", "seal", LONG], "a gated run": ["gate", LONG],
    "predictions": ["audit", f"predictions:{LONG}"], "a configuration": ["audit", "--config", LONG],
    "a deep path": ["audit", "--config", "/".join(["x"] * 3000)],
    "an audited pack": ["audit", "planted:random", "--pack", LONG],
    "a port": ["audit", "openai:m@http://localhost:99999/v1"], "a port of none": ["audit", "openai:m@http://h:0/v1"],
    "half an address": ["audit", "openai:m@http://[::1/v1"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_one_line_and_exit_2(name: str, command: Callable[..., int], capsys: Any) -> None:
    assert command(*COMMANDS[name]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("auditkit: ")]
    assert len(lines) == 1
    assert "Traceback" not in lines[0]
