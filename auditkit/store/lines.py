"""One line of the journal: its canonical bytes, its hash, and what can be wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from auditkit.schema import Attribution, Output, Request, Sample, canonical

VERSION = 2
"""Version of the line format, `v`; 2 is the first with hashes over RFC 8785 canonical JSON."""

GENESIS = "0" * 64
"""`prev` of the first line."""

KINDS = frozenset({"header", "sample", "request", "output", "plan", "attribution", "not_explained", "seal"})

_OLDER = (
    f"journal version {{version}} is older than this auditkit reads ({VERSION}): its hashes were made over another "
    "canonical form and cannot be checked or compared; `auditkit render` still shows its audit.json, and the audit, "
    "run again in another folder, can be verified"
)

_TEXT = json.JSONEncoder(ensure_ascii=False)
"""Writes a string as `canonical` does."""

_KEYS = {"v", "seq", "prev", "kind", "body", "hash"}

Entry = tuple[str, Mapping[str, Any]]
"""Kind and body of a line to write; the body may hold records."""


class LineFault(Exception):
    """A line that cannot be trusted."""

    def __init__(self, number: int, what: str, *, torn: bool = False, version: bool = False) -> None:
        """Name the line, what is wrong with it, and whether it is torn or only of another version."""
        super().__init__(what)
        self.number = number
        """Line number, from 1."""
        self.what = what
        self.torn = torn
        """The last line, without its end: a write that was cut short."""
        self.version = version
        """Written by another version of auditkit: not damaged."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose hash and place in the chain are right."""

    seq: int
    """Line number, from 1."""
    kind: str
    body: dict[str, Any]
    hash: str
    end: int
    """Offset in bytes behind the line."""


def sample_entry(sample: Sample) -> Entry:
    """A sample with content, target and groups: `verify` needs no pack."""
    return "sample", {"sample": sample}


def request_entry(request: Request, askers: tuple[str, ...]) -> Entry:
    """A request and the ids of the samples that asked it."""
    return "request", {"request": request, "samples": list(askers)}


def output_entry(output: Output, *, seconds: float, cached: bool, latency: float | None = None) -> Entry:
    """An answer, the seconds that the model took, and whether it came from the cache.

    Args:
        output: the answer.
        seconds: its share of the time in which the model worked.
        cached: whether it came from the cache.
        latency: from sending to answer, where requests were in flight together.
    """
    known = {} if latency is None else {"latency": round(latency, 6)}
    return "output", {"output": output, "seconds": round(seconds, 6), "cached": cached, **known}


def plan_entry(sha256: str, *, number: int, batches: int, requests: int, retry: bool = False) -> Entry:
    """The hash of a round's plan; `number` is the round, from 0; `retry` marks a second try of errored requests."""
    body = {"sha256": sha256, "round": number, "batches": batches, "requests": requests, "retry": retry}
    return "plan", body


def attribution_entry(attribution: Attribution) -> Entry:
    """One attribution."""
    return "attribution", {"attribution": attribution}


def not_explained_entry(sample_id: str, reason: str) -> Entry:
    """A cited sample that has no attribution, and why."""
    return "not_explained", {"sample": sample_id, "reason": reason}


def seal_entry(sha256: str) -> Entry:
    """The sha256 of `audit.json`."""
    return "seal", {"sha256": sha256}


def encode(kind: str, body: Mapping[str, Any], seq: int, prev: str) -> tuple[bytes, str]:
    """The line's canonical bytes, newline included, and its hash.

    The hash is the sha256 of the canonical line without the key `hash`; `prev` is in it.

    Raises:
        ValueError: the body holds NaN, an infinity or a lone surrogate.
    """
    return _join(canonical(body), kind, seq, prev, VERSION)


def _join(body: bytes, kind: str, seq: int, prev: str, version: int) -> tuple[bytes, str]:
    head = b'{"body":' + body
    tail = f',"kind":{_TEXT.encode(kind)},"prev":{_TEXT.encode(prev)},"seq":{seq},"v":{version}}}'.encode()
    value = hashlib.sha256(head + tail).hexdigest()
    return b'%b,"hash":"%b"%b\n' % (head, value.encode(), tail), value


def scan(file: BinaryIO) -> Iterator[Line]:
    """The lines of a journal, one at a time, each checked.

    Raises:
        LineFault: at the first line that is torn, damaged, out of the chain, or of another version.
    """
    seq, prev, end = 1, GENESIS, 0
    for raw in file:  # binary: splits at b"\n" alone, never at U+0085 or U+2028
        end += len(raw)
        line = decode(raw, seq, prev, end)
        yield line
        seq, prev = seq + 1, line.hash


def decode(raw: bytes, seq: int, prev: str, end: int) -> Line:
    """Check one line against its place in the chain.

    Raises:
        LineFault: what is wrong with it.
    """
    if not raw.endswith(b"\n"):
        raise LineFault(seq, f"torn last line ({len(raw)} bytes, no line end)", torn=True)
    data = _parse(raw, seq)
    if set(data) != _KEYS or not isinstance(data["body"], dict) or not isinstance(data["kind"], str):
        raise LineFault(seq, f"not a journal line: expected the keys {', '.join(sorted(_KEYS))}")
    intact = _intact(raw, data)
    version = data["v"]
    if isinstance(version, int) and version > VERSION and (intact or seq == 1):
        what = f"journal version {version} is newer than this auditkit reads ({VERSION}); upgrade auditkit"
        raise LineFault(seq, what, version=True)
    if isinstance(version, int) and 0 < version < VERSION and seq == 1:
        raise LineFault(seq, _OLDER.format(version=version), version=True)
    if not intact:
        raise LineFault(seq, "the content does not match its hash")
    if version != VERSION or data["kind"] not in KINDS:
        raise LineFault(seq, f"unknown version {version!r} or kind {data['kind']!r}")
    if data["seq"] != seq:
        raise LineFault(seq, f"expected seq {seq}, found {data['seq']}")
    if data["prev"] != prev:
        raise LineFault(seq, "the chain is broken: `prev` is not the hash of the line before")
    return Line(seq, data["kind"], data["body"], data["hash"], end)


def _parse(raw: bytes, seq: int) -> dict[str, Any]:
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise LineFault(seq, f"not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise LineFault(seq, "not a JSON object")
    return data


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _intact(raw: bytes, data: Mapping[str, Any]) -> bool:
    """Whether the bytes are exactly those that `encode` makes; so doubled keys and added spaces are found too."""
    if type(data["seq"]) is not int or type(data["v"]) is not int:
        return False
    try:
        return _join(canonical(data["body"], parsed=True), data["kind"], data["seq"], data["prev"], data["v"])[0] == raw
    except (ValueError, TypeError, RecursionError):
        return False
