"""Which requests are answered together, decided from lengths alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditkit.models.adapter import Encoded
from auditkit.schema import digest

BATCH_REQUESTS = 64
"""Requests a batch where the family has no tokenizer."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the planner keeps of a request: not its text, not its tokens."""

    sha256: str
    sort: str
    """Requests of different sorts (role, kind, rule, decoding) never share a batch."""
    tokens: int
    """Tokens read and written; 0 where the family has no tokenizer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Batches of request hashes, in the order of execution."""

    batches: tuple[tuple[str, ...], ...]
    sha256: str
    """Hash of the batches: two runs with the same plan do the same arithmetic."""


def cost(encoded: Encoded) -> Cost:
    """What a request costs; a prefix that its options share counts once."""
    request = encoded.request
    tokens = encoded.tokens if encoded.sequences else 0
    if tokens and request.generation is not None:
        tokens += request.generation.max_tokens
    return Cost(request.sha256, f"{request.role}/{request.kind}/{request.rule}/{request.generation!r}", tokens)


def make_plan(costs: Iterable[Cost], *, batch_tokens: int, batch_requests: int = BATCH_REQUESTS) -> Plan:
    """Pack requests into batches; the same requests give the same plan, in whatever order they come.

    Requests are sorted by sort, then the longest first (so that memory runs out at once or never), then by hash.

    Args:
        costs: of the requests; one that comes twice is planned once.
        batch_tokens: most tokens a batch, padded: requests times the longest. A longer request stands alone.
        batch_requests: most requests a batch where tokens are not known.
    """
    unique = {item.sha256: item for item in costs}
    ordered = sorted(unique.values(), key=lambda item: (item.sort, -item.tokens, item.sha256))
    batches = tuple(_pack(ordered, batch_tokens, batch_requests))
    return Plan(batches, digest(batches))


def _pack(ordered: Iterable[Cost], batch_tokens: int, batch_requests: int) -> Iterator[tuple[str, ...]]:
    batch: list[Cost] = []
    for item in ordered:
        if batch:
            longest = max(batch[0].tokens, item.tokens)
            full = longest * (len(batch) + 1) > batch_tokens if longest else len(batch) == batch_requests
            if full or item.sort != batch[0].sort:
                yield tuple(one.sha256 for one in batch)
                batch = []
        batch.append(item)
    if batch:
        yield tuple(one.sha256 for one in batch)
