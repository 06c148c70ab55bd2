"""Whole files, beside what they were when somebody last looked. AUDITKIT_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from auditkit.render.write import html, junit, markdown, sarif
from auditkit.schema import Audit

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FILES: dict[str, Callable[[Audit], bytes]] = {
    "index.html": html.render, "report.md": markdown.render, "junit.xml": junit.render, "results.sarif": sarif.render,
}


def scrub(data: bytes, audit: Audit) -> str:
    """Dates, the audit's id and the stylesheet's hash change with what this test is not about."""
    text = data.decode("utf-8").replace(audit.id, "AUDIT").replace(audit.id[:16], "AUDIT")
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\+00:00| UTC)", "DATE", text)
    text = re.sub(r"<style>.*?</style>", "<style>STYLE</style>", text, flags=re.S)
    return re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-STYLE", text)


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_as_it_was(name: str, audit: Audit) -> None:
    text, path = scrub(FILES[name](audit), audit), GOLDEN / name
    if os.environ.get("AUDITKIT_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    assert path.read_bytes().decode("utf-8") == text, f"{name} changed: look at it, then AUDITKIT_UPDATE_GOLDEN=1"


def test_scrubbing_leaves_the_rest(audit: Audit) -> None:
    text = scrub(html.render(audit), audit)
    assert "DATE" in text
    assert "AUDIT" in text
    assert "2031-05-01" in text
    assert len(text) > 100_000
