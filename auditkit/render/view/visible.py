"""Hostile text made harmless to look at: control and direction characters become visible."""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""C0 and C1 controls, soft hyphen, zero-width space, direction marks, overrides and isolates, tag characters, and what
XML 1.0 does not allow. Joiners (U+200C, U+200D) stay: scripts and emoji need them."""


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"⟦U+{code:04X}⟧"


def visible(text: str) -> str:
    """Show what a reader could not see: `\\0` as ␀, a direction override as ⟦U+202E⟧; keep newlines and tabs.

    Returns:
        Text that XML 1.0 allows and that cannot reorder what stands around it.
    """
    return _UNSEEN.sub(_picture, text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The visible text on one line."""
    return " ".join(visible(text).split())


def clip(text: str, width: int) -> str:
    """The text, or its first `width - 1` characters and an ellipsis."""
    return text if len(text) <= width else text[: width - 1] + "…"
