"""Which requests are answered together, decided from lengths and shared beginnings alone."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from auditkit.models.adapter import Encoded
from auditkit.schema import canonical

BATCH_REQUESTS = 64
"""Requests a batch where the family has no tokenizer."""

_DEPTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens of a request's beginning that are hashed: requests that agree there share at least so many."""
_WORD = 4
"""Bytes of each of these hashes; two that agree by chance cost a little speed, and change no number."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the planner keeps of a request: not its text, not its tokens."""

    sha256: str
    sort: str
    """Requests of different sorts (role, kind, rule, decoding) never share a batch."""
    tokens: int
    """Tokens read and written; 0 where the family has no tokenizer."""
    beginning: bytes = b""
    """Hashes of its first 8, 16, 24 … tokens, for a model that computes what requests share only once; else empty."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Batches of request hashes, in the order of execution."""

    batches: tuple[tuple[str, ...], ...]
    sha256: str
    """Hash of the batches: two runs with the same plan do the same arithmetic."""


def cost(encoded: Encoded, *, shared: bool = False) -> Cost:
    """What a request costs; a prefix that its options share counts once.

    Args:
        encoded: the request with its tokens.
        shared: the model computes what the requests of a batch share only once.
    """
    request = encoded.request
    tokens = encoded.tokens if encoded.sequences else 0
    if tokens and request.generation is not None:
        tokens += request.generation.max_tokens
    beginning = b""
    if shared and encoded.sequences and request.kind != "generate":
        beginning = _beginning(encoded.sequences[0].ids)
    sort = sys.intern(f"{request.role}/{request.kind}/{request.rule}/{request.generation!r}")
    return Cost(request.sha256, sort, tokens, beginning)


def make_plan(costs: Iterable[Cost], *, batch_tokens: int, batch_requests: int = BATCH_REQUESTS) -> Plan:
    """Pack requests into batches; the same requests give the same plan, in whatever order they come.

    Requests are sorted by sort, then the longest first (so that memory runs out at once or never), then by hash.
    Where what they share is computed once, those that begin alike come first together: the model's own packing then
    bounds its memory.

    Args:
        costs: of the requests; one that comes twice is planned once.
        batch_tokens: most tokens a batch, padded: requests times the longest. What a request is known to share with
            the one before it does not count. A longer request stands alone.
        batch_requests: most requests a batch where tokens are not known.
    """
    # Stable sorts, the last key first: a tuple of keys for each of ten million requests would take gigabytes.
    ordered = sorted(costs, key=attrgetter("sha256"))
    ordered = [next(same) for _, same in groupby(ordered, key=attrgetter("sha256"))]
    ordered.sort(key=attrgetter("tokens"), reverse=True)
    ordered.sort(key=attrgetter("beginning"))
    ordered.sort(key=attrgetter("sort"))
    batches = tuple(_pack(ordered, batch_tokens, batch_requests))
    return Plan(batches, _digest(batches))


def _pack(ordered: Iterable[Cost], batch_tokens: int, batch_requests: int) -> Iterator[tuple[str, ...]]:
    batch: list[Cost] = []
    nodes = 0
    for item in ordered:
        added = item.tokens - _shared(batch[-1].beginning, item.beginning) if batch else item.tokens
        if batch:
            if item.beginning:
                full = nodes + added > batch_tokens
            elif longest := max(batch[0].tokens, item.tokens):
                full = longest * (len(batch) + 1) > batch_tokens
            else:
                full = len(batch) == batch_requests
            if full or item.sort != batch[0].sort:
                yield tuple(one.sha256 for one in batch)
                batch, nodes, added = [], 0, item.tokens
        batch.append(item)
        nodes += added
    if batch:
        yield tuple(one.sha256 for one in batch)


def _beginning(ids: Sequence[int]) -> bytes:
    """Hashes of the first 8, 16, 24 … tokens, as far as there are so many."""
    hasher, words, start = hashlib.blake2b(digest_size=_WORD), [], 0
    for depth in _DEPTHS:
        if depth > len(ids):
            break
        hasher.update(array("q", ids[start:depth]).tobytes())
        words.append(hasher.digest())
        start = depth
    return b"".join(words) or b"\0"


def _shared(one: bytes, other: bytes) -> int:
    """Tokens that two requests are known to share at their beginning; 0 where they may share a few."""
    count = 0
    while one[count : count + _WORD] == other[count : count + _WORD] and len(one) >= count + _WORD <= len(other):
        count += _WORD
    return _DEPTHS[count // _WORD - 1] if count else 0


def _digest(batches: Iterable[Sequence[str]]) -> str:
    """The sha256 of the batches' canonical form, computed batch by batch: `schema.digest` would build it whole."""
    hasher = hashlib.sha256(b"[")
    for number, batch in enumerate(batches):
        hasher.update((b"," if number else b"") + canonical(batch))
    hasher.update(b"]")
    return hasher.hexdigest()
