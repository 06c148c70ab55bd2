"""Whether a server read all of a prompt: some drop what does not fit into their window, and answer with HTTP 200."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_REASON = re.compile(r"(prompt|input).*(trunc|cut|too_long|overflow|exceed)|(trunc|cut).*(prompt|input)|^truncated$")
_FLAGS = ("truncated", "prompt_truncated", "input_truncated", "truncated_prompt")
"""Fields of a reply or a choice by which servers say it (llama.cpp: `truncated`)."""
_LONG = 500
"""Fewest words of a prompt whose count of tokens is compared: a server's window holds more."""


def tokens_cut(prompt: str, reply: Mapping[str, Any], choice: Mapping[str, Any]) -> int:
    """How many tokens of a prompt a server did not read, at least; 0 where nothing shows that it dropped any.

    A server that counts fewer tokens than the prompt has words did not read them all: no usual tokenizer makes one
    token of two words. One that neither says that it cut nor counts its tokens cannot be found out.

    Args:
        prompt: what it was asked.
        reply: its reply.
        choice: the first choice of the reply.
    """
    words = len(prompt.split())
    counts = reply.get("usage")
    read = counts.get("prompt_tokens") if isinstance(counts, Mapping) else None
    if words >= _LONG and isinstance(read, int) and 0 < read < words:
        return words - read
    reason = re.sub(r"[\s-]+", "_", str(choice.get("finish_reason") or "")).lower()
    said = any(part.get(flag) is True for part in (reply, choice) for flag in _FLAGS)
    return 1 if said or _REASON.search(reason) else 0
