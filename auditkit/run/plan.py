"""Which requests are answered together, decided from lengths and shared beginnings alone.

Memory stays flat: what is more than one chunk is sorted on disk and merged, and a finished plan is read from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir

from auditkit.models.adapter import Encoded
from auditkit.schema import Request, canonical
from auditkit.store.files import cannot_write

BATCH_REQUESTS = 64
"""Requests a batch where the family has no tokenizer."""

WRITTEN_TOGETHER = 128
"""Requests a batch of free text: more than are written at once, so that waiting ones replace those that end early."""

CHUNK = 1 << 18
"""Requests sorted in memory at once."""

_DEPTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens of a request's beginning that are hashed: requests that agree there share at least so many."""
_TEXT_DEPTHS = (32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
"""The same in bytes of text, for a model whose tokens are not known here."""
_WORD = 4
"""Bytes of each of these hashes; two that agree by chance cost a little speed, and change no number."""
_WIDTH = _WORD * len(_DEPTHS)
_MOST = 0xFFFFFFFF
_RECORD = _WIDTH + 1 + 4 + 32 + 8
"""Bytes of a request while it is sorted: beginning, its length, tokens (the most first), sha256, place."""
_PLANNED = 32 + 8
"""Bytes of a planned request: sha256, place."""
_BLOCK = 2048
"""Records of one sorted run that are read at once."""
_IN_MEMORY = 16 << 20
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


class Plan:
    """Batches of request hashes, in the order of execution; read again as often as wanted."""

    def __init__(self, sha256: str, sizes: array[int], planned: SpooledTemporaryFile[bytes]) -> None:
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
        offset = 0
        for size in self._sizes:
            self._planned.seek(offset)
            data = self._planned.read(size * _PLANNED)
            offset += len(data)
            yield tuple(
                (data[at : at + 32].hex(), int.from_bytes(data[at + 32 : at + _PLANNED], signed=True))
                for at in range(0, len(data), _PLANNED)
            )


class Planner:
    """Packs requests into batches; the same requests give the same plan, in whatever order they come.

    Requests are sorted by sort, then the longest first (so that memory runs out at once or never), then by hash.
    Where what they share is computed once, those that begin alike come first together: the model's own packing then
    bounds its memory.
    """

    def __init__(
        self, *, batch_tokens: int, batch_requests: int = BATCH_REQUESTS, folder: Path | None = None,
        chunk: int = CHUNK,
    ) -> None:
        """Nothing is planned yet.

        Args:
            batch_tokens: most tokens a batch, padded: requests times the longest. What a request is known to share
                with the one before it does not count. A longer request stands alone. Free text is batched by number.
            batch_requests: most requests a batch where tokens are not known.
            folder: where unnamed files may lie; default the system's.
            chunk: most requests held in memory.
        """
        self._batch_tokens = batch_tokens
        self._batch_requests = batch_requests
        self._folder = folder
        self._chunk = chunk
        self._held: dict[str, list[bytes]] = {}
        self._count = 0
        self._runs: dict[str, list[tuple[int, int]]] = {}
        self._spilled = self._file()

    def add(self, item: Cost, place: int = -1) -> None:
        """Plan a request; one that comes twice is planned once.

        Args:
            item: its cost.
            place: a number that the plan gives back with it.

        Raises:
            MeasurementError: the folder of unnamed files is full.
        """
        self._held.setdefault(item.sort, []).append(
            b"%b%c%b%b%b"
            % (
                item.beginning.ljust(_WIDTH, b"\0"), len(item.beginning), (_MOST - item.tokens).to_bytes(4),
                bytes.fromhex(item.sha256), place.to_bytes(8, signed=True),
            )
        )
        self._count += 1
        if self._count == self._chunk:
            with self._told():
                self._spill()

    def plan(self) -> Plan:
        """The plan of all requests added.

        Raises:
            MeasurementError: the folder of unnamed files is full.
        """
        with self._told():
            return self._planned()

    def _planned(self) -> Plan:
        hasher, sizes, planned = hashlib.sha256(b"["), array("I"), self._file()
        for sort in sorted({*self._held, *self._runs}):
            for batch in self._pack(self._ordered(sort), written=_WRITTEN in sort):
                # `schema.digest` of all batches, without building them whole
                hasher.update((b"," if sizes else b"") + canonical([sha.hex() for sha, _ in batch]))
                sizes.append(len(batch))
                planned.write(b"".join(sha + place for sha, place in batch))
        hasher.update(b"]")
        planned.flush()
        return Plan(hasher.hexdigest(), sizes, planned)

    def _file(self) -> SpooledTemporaryFile[bytes]:
        return SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self._folder) if self._folder else None)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a full disk into an error that says where."""
        try:
            yield
        except OSError as error:
            raise cannot_write(self._folder or Path(gettempdir()), error) from error

    def _spill(self) -> None:
        """Sort what is held, and write it down."""
        for sort, records in self._held.items():
            records.sort()
            self._runs.setdefault(sort, []).append((self._spilled.tell(), len(records)))
            for start in range(0, len(records), _BLOCK):
                self._spilled.write(b"".join(records[start : start + _BLOCK]))
        self._held, self._count = {}, 0

    def _ordered(self, sort: str) -> Iterator[bytes]:
        """The records of one sort, each request once."""
        runs = [self._read(*run) for run in self._runs.get(sort, ())]
        before = b""
        for record in merge(*runs, sorted(self._held.get(sort, ()))):
            if record[:-8] != before:
                before = record[:-8]
                yield record

    def _read(self, offset: int, count: int) -> Iterator[bytes]:
        for start in range(0, count, _BLOCK):
            self._spilled.seek(offset + start * _RECORD)
            data = self._spilled.read(min(_BLOCK, count - start) * _RECORD)
            yield from (data[at : at + _RECORD] for at in range(0, len(data), _RECORD))

    def _pack(self, records: Iterable[bytes], *, written: bool) -> Iterator[list[tuple[bytes, bytes]]]:
        batch: list[tuple[bytes, bytes]] = []
        before, nodes, longest = b"", 0, 0
        for record in records:
            beginning = record[: record[_WIDTH]]
            tokens = _MOST - int.from_bytes(record[_WIDTH + 1 : _WIDTH + 5])
            added = tokens - _shared(before, beginning) if batch else tokens
            if batch and self._full(beginning, nodes + added, max(longest, tokens), len(batch), written):
                yield batch
                batch, nodes, longest, added = [], 0, 0, tokens
            batch.append((record[-_PLANNED:-8], record[-8:]))
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


def make_plan(costs: Iterable[Cost], *, batch_tokens: int, batch_requests: int = BATCH_REQUESTS) -> Plan:
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


def _shared(one: bytes, other: bytes) -> int:
    """Tokens that two requests are known to share at their beginning; 0 where they may share a few."""
    count = 0
    while one[count : count + _WORD] == other[count : count + _WORD] and len(one) >= count + _WORD <= len(other):
        count += _WORD
    return _DEPTHS[count // _WORD - 1] if count else 0
