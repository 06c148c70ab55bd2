"""Keys that must not go where they were not meant to go: over which connections, and out of which texts."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

SHORTEST = 12
"""Shorter keys are placeholders of local servers (`EMPTY`, `ollama`): not secret, and words that answers may use."""
_PART = 8
"""Characters in a row of a key that are taken out of a text: fewer do not give it away."""
_PLACEHOLDER = "[key]"


def on_this_machine(host: str | None) -> bool:
    """Whether a host is this machine, so that nothing between can read along."""
    name = (host or "").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def may_carry(url: str, allowed: Iterable[str] = ()) -> bool:
    """Whether a key may be sent to an address: over https, to this machine, or to a host that the user allows.

    Args:
        url: where it would go.
        allowed: hosts to which plain http may carry a key.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" or on_this_machine(host) or host in {name.strip("[]").lower() for name in allowed}


class Credential:
    """A key, and every form of it that a server may say back: as it is, in part, in base64, hex or URL encoding."""

    def __init__(self, key: str | None) -> None:
        """Take a key; one that is missing or too short to be secret is never taken out of anything."""
        self._parts = frozenset(
            form[start : start + _PART]
            for form in (_forms(key) if key is not None and len(key) >= SHORTEST else ())
            for start in range(len(form) - _PART + 1)
        )

    def scrub(self, text: str) -> str:
        """The text without the key and without any part of it of eight characters or more.

        To be used before a text is cut: what is left of a key after a cut would not be found any more.
        """
        if not self._parts:
            return text
        lowered = text.lower() if len(text.lower()) == len(text) else text
        kept, end = [], 0
        place = 0
        while place <= len(lowered) - _PART:
            if lowered[place : place + _PART] not in self._parts:
                place += 1
                continue
            kept.append(text[end:place])
            while lowered[place : place + _PART] in self._parts:
                place += 1
            place = end = place + _PART - 1
            kept.append(_PLACEHOLDER)
        return "".join([*kept, text[end:]])

    def scrub_json(self, value: Any) -> Any:
        """A value of JSON, all of its texts and names scrubbed."""
        if not self._parts:
            return value
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, list):
            return [self.scrub_json(item) for item in value]
        if isinstance(value, dict):
            return {self.scrub(name): self.scrub_json(item) for name, item in value.items()}
        return value


def _forms(key: str) -> list[str]:
    """How a key may be written, in lower case."""
    raw = key.encode()
    # what stands before a key shifts its base64 by one or two bytes: the middle is the same from then on
    shifted = [base64.b64encode(b"\0" * shift + raw).decode()[2 * shift : -4] for shift in range(3)]
    forms = [key, key[::-1], quote(key, safe=""), quote(quote(key, safe=""), safe=""), raw.hex(), *shifted]
    forms += [form.replace("+", "-").replace("/", "_") for form in shifted]
    return list(dict.fromkeys(form.lower() for form in forms))
