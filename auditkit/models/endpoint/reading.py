"""Reading a server's answer: no more bytes than what was asked for can need, before and after decompression."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

_BASE = 1 << 20
"""Bytes that any answer may have: names, counts, hidden reasoning."""
_BYTES_PER_TOKEN = 1 << 10
"""Bytes of JSON for each token that the server may write: its text, escaped, and its log-probability."""
_BYTES_PER_BYTE = 1 << 8
"""Bytes of JSON for each byte that was sent: an echo gives every token of the prompt with its log-probability."""
_LONGEST_TOKEN = 128
"""Bytes of UTF-8 that a written token has at most, on average: ordinary text has four, runs of blanks a hundred."""
_BODIES = {"gzip": 47, "x-gzip": 47, "deflate": 47}
"""What a body may be compressed with, to zlib's `wbits`; nothing is asked for, but some servers do so all the same."""


class TooLong(Exception):
    """An answer is longer than what was asked for can need."""

    def __init__(self, most: int) -> None:
        """Args: the bytes that it may have."""
        super().__init__(f"its body has more than {most:,} bytes, which is more than what was asked for can need")


def most_bytes(body: Mapping[str, Any], sent: int) -> int:
    """Most bytes of the answer to a request.

    Args:
        body: the request.
        sent: its bytes.
    """
    return _BASE + _BYTES_PER_TOKEN * max_tokens(body) + _BYTES_PER_BYTE * sent


def max_tokens(body: Mapping[str, Any]) -> int:
    """The tokens that a request lets the server write; 0 where it names none."""
    limits = (body.get(name) for name in ("max_tokens", "max_completion_tokens"))
    return max((limit for limit in limits if isinstance(limit, int)), default=0)


def excess(text: str, most: int) -> str:
    """Why a written text cannot be what was asked for; empty where it can.

    Args:
        text: the text.
        most: tokens that it may have.
    """
    size = len(text.encode("utf-8", "replace"))
    if size <= _LONGEST_TOKEN * (most + 2):
        return ""
    return f"the answer has {size:,} bytes, which {most} tokens cannot have: the server does not keep to max_tokens"


async def read_body(response: Any, most: int) -> bytes:
    """The body of a response, decompressed.

    Args:
        response: of httpx, opened as a stream.
        most: bytes that it may have.

    Raises:
        TooLong: it has more, as it comes or decompressed.
        ValueError: it is compressed in another way than gzip or deflate, or damaged.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        pieces, size = [], 0
        async for piece in response.aiter_raw():
            size += len(piece)
            if size > most:
                raise TooLong(most)
            pieces.append(piece)
        return b"".join(pieces)
    if coding not in _BODIES:
        raise ValueError(f"its body is compressed as {coding[:20]!r}, which was not asked for")
    return await _unpacked(response, _BODIES[coding], most)


async def _unpacked(response: Any, wbits: int, most: int) -> bytes:
    unpacker, pieces, size, packed = zlib.decompressobj(wbits), [], 0, 0
    async for piece in response.aiter_raw():
        packed += len(piece)
        try:
            part = unpacker.decompress(piece, most + 1 - size)
        except zlib.error as error:
            raise ValueError(f"its body cannot be decompressed ({error})") from None
        size += len(part)
        if size > most or packed > most or unpacker.unconsumed_tail:
            raise TooLong(most)
        pieces.append(part)
    return b"".join(pieces)
