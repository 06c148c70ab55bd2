"""Which requests are answered together, decided from lengths and shared beginnings alone."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditkit.models.adapter import Encoded
from auditkit.schema import Request, canonical

BATCH_REQUESTS = 64
"""Requests a batch where the family has no tokenizer."""

WRITTEN_TOGETHER = 128
"""Requests a batch of free text: more than are written at once, so that waiting ones replace those that end early."""

_DEPTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens of a request's beginning that are hashed: requests that agree there share at least so many."""
_TEXT_DEPTHS = (32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
"""The same in bytes of text, for a model whose tokens are not known here."""
_WORD = 4
"""Bytes of each of these hashes; two that agree by chance cost a little speed, and change no number."""
_WIDTH = _WORD * len(_DEPTHS)
_MOST = 0xFFFFFFFF
_PLANNED = 32 + 8
"""Bytes of a planned request: sha256, place. A row that is sorted has before them the beginning, its length, and the
tokens (the most first)."""
_WRITTEN = "/Generation("
"""In the sort of a request for free text: the beginning of its decoding parameters."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the planner needs of a request: not its text, not its tokens."""

    sha256: str
    sort: str
    """Requests of different sorts (role, kind, rule, decoding) never share a batch."""
    tokens: int
    """Tokens read and written; 0 where the family has no tokenizer."""
    beginning: bytes = b""
    """Hashes of its first 8, 16, 24 … tokens, for a model that computes what requests share only once; else empty."""


def cost(encoded: Encoded, *, shared: bool = False, text: bool = False) -> Cost:
    """What a request costs; a prefix that its options share counts once.

    Args:
        encoded: the request with its tokens.
        shared: the model computes what the requests of a batch share only once.
        text: the model is a server that may keep beginnings of texts: requests of the same beginning come together.
    """
    request = encoded.request
    tokens = encoded.tokens if encoded.sequences else 0
    if tokens and request.generation is not None:
        tokens += request.generation.max_tokens
    beginning = b""
    if shared and encoded.sequences and request.generation is None:
        beginning = _beginning(encoded.sequences[0].ids)
    elif text and not encoded.sequences:
        beginning = _text_beginning(request)
    sort = sys.intern(f"{request.role}/{request.kind}/{request.rule}/{request.generation!r}")
    return Cost(request.sha256, sort, tokens, beginning)


class BatchPlan:
    """Batches of request hashes, in the order of execution."""

    def __init__(self, sha256: str, sizes: array[int], planned: bytes) -> None:
        """Internal: use `Planner.plan`."""
        self.sha256 = sha256
        """Hash of the batches: two runs with the same plan do the same arithmetic."""
        self._sizes = sizes
        self._planned = planned

    def __len__(self) -> int:
        """How many batches."""
        return len(self._sizes)

    @property
    def requests(self) -> int:
        """How many requests."""
        return sum(self._sizes)

    def batches(self) -> Iterator[tuple[str, ...]]:
        """The sha256 of each batch's requests."""
        for batch in self.placed():
            yield tuple(sha for sha, _ in batch)

    def placed(self) -> Iterator[tuple[tuple[str, int], ...]]:
        """The same, each with its place as given to `Planner.add`."""
        start = 0
        for size in self._sizes:
            end = start + size * _PLANNED
            yield tuple(_sha_and_place(self._planned[item : item + _PLANNED]) for item in range(start, end, _PLANNED))
            start = end


def _sha_and_place(planned: bytes) -> tuple[str, int]:
    return planned[:32].hex(), int.from_bytes(planned[32:], signed=True)


class Planner:
    """Packs requests into batches; the same requests give the same plan, in whatever order they come.

    Requests are sorted by sort, then the longest first (so that memory runs out at once or never), then by hash.
    Where what they share is computed once, those that begin alike come first together: the model's own packing then
    bounds its memory.
    """

    def __init__(self, *, batch_tokens: int, batch_requests: int = BATCH_REQUESTS) -> None:
        """Nothing is planned yet.

        Args:
            batch_tokens: most tokens a batch, padded: requests times the longest. What a request is known to share
                with the one before it does not count. A longer request stands alone. Free text is batched by number.
            batch_requests: most requests a batch where tokens are not known.
        """
        self._batch_tokens = batch_tokens
        self._batch_requests = batch_requests
        self._rows: dict[str, list[bytes]] = {}
        """Sort to what is sorted: so many bytes a request that they compare as the requests are to be ordered."""

    def add(self, item: Cost, place: int = -1) -> None:
        """Plan a request; one that comes twice is planned once.

        Args:
            item: its cost.
            place: a number that the plan gives back with it.
        """
        self._rows.setdefault(item.sort, []).append(
            b"%b%c%b%b%b"
            % (
                item.beginning.ljust(_WIDTH, b"\0"), len(item.beginning), (_MOST - item.tokens).to_bytes(4),
                bytes.fromhex(item.sha256), place.to_bytes(8, signed=True),
            )
        )

    def plan(self) -> BatchPlan:
        """The plan of all requests added."""
        hasher, sizes, planned = hashlib.sha256(b"["), array("I"), bytearray()
        for sort in sorted(self._rows):
            for batch in self._pack(self._ordered(sort), written=_WRITTEN in sort):
                # `schema.digest` of all batches, without building them whole
                names = [row[:32].hex() for row in batch]
                hasher.update((b"," if sizes else b"") + canonical(names))
                sizes.append(len(batch))
                planned += b"".join(batch)
        hasher.update(b"]")
        return BatchPlan(hasher.hexdigest(), sizes, bytes(planned))

    def _ordered(self, sort: str) -> Iterator[bytes]:
        """The rows of one sort, each request once."""
        rows, before = self._rows[sort], b""
        rows.sort()
        for row in rows:
            if row[:-8] != before:
                before = row[:-8]
                yield row

    def _pack(self, rows: Iterable[bytes], *, written: bool) -> Iterator[list[bytes]]:
        """Batches, as the last `_PLANNED` bytes of their rows; `written`: free text."""
        batch: list[bytes] = []
        before, nodes, longest = b"", 0, 0
        for row in rows:
            beginning = row[: row[_WIDTH]]
            tokens = _MOST - int.from_bytes(row[_WIDTH + 1 : _WIDTH + 5])
            added = tokens - _shared(before, beginning) if batch else tokens
            if batch and self._full(beginning, nodes + added, max(longest, tokens), len(batch), written):
                yield batch
                batch, nodes, longest, added = [], 0, 0, tokens
            batch.append(row[-_PLANNED:])
            before, nodes, longest = beginning, nodes + added, longest or tokens
        if batch:
            yield batch

    def _full(self, beginning: bytes, nodes: int, longest: int, count: int, written: bool) -> bool:
        """Whether a batch of `count` requests has no room for one more, with which it had `nodes` tokens."""
        if not longest:
            return count == self._batch_requests
        if beginning:
            return nodes > self._batch_tokens
        if written:  # a token a step: the model keeps its own bound on memory
            return count == WRITTEN_TOGETHER
        return longest * (count + 1) > self._batch_tokens


def make_plan(costs: Iterable[Cost], *, batch_tokens: int, batch_requests: int = BATCH_REQUESTS) -> BatchPlan:
    """The plan of requests whose costs are known; see `Planner`."""
    planner = Planner(batch_tokens=batch_tokens, batch_requests=batch_requests)
    for item in costs:
        planner.add(item)
    return planner.plan()


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


def _text_beginning(request: Request) -> bytes:
    """Hashes of the first 32, 64, 96 … bytes of what a server reads."""
    text = request.text or next((option.text for option in request.options), "")
    data = f"{text}\n{request.prefix}".encode("utf-8", "replace")
    hasher, words, start = hashlib.blake2b(digest_size=_WORD), [], 0
    for depth in _TEXT_DEPTHS:
        if depth > len(data):
            break
        hasher.update(data[start:depth])
        words.append(hasher.digest())
        start = depth
    return b"".join(words)


def _shared(first: bytes, second: bytes) -> int:
    """Tokens that two requests are known to share at their beginning; 0 where they may share a few."""
    count, shorter = 0, min(len(first), len(second))
    while count + _WORD <= shorter and first[count : count + _WORD] == second[count : count + _WORD]:
        count += _WORD
    return _DEPTHS[count // _WORD - 1] if count else 0
