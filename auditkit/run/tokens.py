"""Token ids between planning and execution, so that no request is encoded twice."""

from __future__ import annotations

import pickle
from dataclasses import fields

from auditkit.models.adapter import Encoded
from auditkit.schema import Request

MOST = 512 << 20
"""Bytes held; what comes later is encoded again when it is asked."""

_FIELDS = tuple(field.name for field in fields(Encoded) if field.name != "request")
"""What the tokenizer made; pickled, since tuples of integers take ten times the memory."""


class TokenStore:
    """Encoded requests, each under the place that `add` returned."""

    def __init__(self, *, most: int = MOST) -> None:
        """Hold nothing yet.

        Args:
            most: bytes held.
        """
        self._pickled: list[bytes] = []
        self._left = most

    def add(self, encoded: Encoded) -> int:
        """Hold what the tokenizer made of a request; its place, or -1 where it is not held."""
        if not encoded.sequences or self._left <= 0:
            return -1
        data = pickle.dumps(tuple(getattr(encoded, name) for name in _FIELDS), pickle.HIGHEST_PROTOCOL)
        self._pickled.append(data)
        self._left -= len(data)
        return len(self._pickled) - 1

    def get(self, request: Request, place: int) -> Encoded | None:
        """What is held of a request; `None` where it is not."""
        if place < 0:
            return None
        values = pickle.loads(self._pickled[place])  # noqa: S301 (written by this process)
        return Encoded(request, **dict(zip(_FIELDS, values, strict=True)))
