"""The lock files hold what is listed, each with the hash of its file; no network is needed to see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"([a-z0-9-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)")
LOCKS = [("requirements-verify.txt", "requirements-verify.lock")]


def versions(name: str) -> dict[str, str]:
    """Normalised names of a list of requirements to their versions."""
    listed = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement:
            package, _, version = requirement.partition("==")
            assert version, f"{name}: {requirement} is not pinned"
            listed[re.sub(r"[-_.]+", "-", package).lower()] = version.partition(" ")[0]
    return listed


@pytest.mark.parametrize(("listed", "locked"), LOCKS)
def test_a_lock_holds_what_is_listed(listed: str, locked: str) -> None:
    assert versions(listed) == versions(locked), "run .ci/lock"
    lines = (ROOT / locked).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#") and not LINE.fullmatch(line)] == []
