"""One line of the journal: its canonical bytes, its hash, and what can be wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from pydantic import ValidationError

from auditkit.schema import canonical
from auditkit.schema.faults import first_fault
from auditkit.schema.journal import ENTRIES, Entry, SealEntry

VERSION = 2
"""Version of the line format, `v`; 2 is the first with hashes over RFC 8785 canonical JSON."""

GENESIS = "0" * 64
"""`prev` of the first line."""

_KEYS = {"v", "seq", "prev", "kind", "body", "hash"}
_KINDS = {record: kind for kind, record in ENTRIES.items()}
_TEXT = json.JSONEncoder(ensure_ascii=False)
"""Writes a string as `canonical` does."""
_OLDER = (
    f"journal version {{version}} is older than this auditkit reads ({VERSION}): its hashes were made over another "
    "canonical form and cannot be checked or compared; `auditkit render` still shows its audit.json, and the audit, "
    "run again in another folder, can be verified"
)


class LineFault(Exception):
    """A line that cannot be trusted, or cannot be read by this version of auditkit."""

    def __init__(self, number: int, what: str, *, torn: bool = False, other_version: bool = False) -> None:
        """Name the line and what is wrong with it.

        Args:
            number: line number, from 1.
            what: the fault, in one line.
            torn: it is the last line, without its end: a write that was cut short.
            other_version: it is not damaged, but written by another version of auditkit.
        """
        super().__init__(what)
        self.number = number
        self.what = what
        self.torn = torn
        self.other_version = other_version


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose content, hash and place in the chain are right."""

    seq: int
    """Line number, from 1."""
    entry: Entry
    """What it says."""
    body: bytes
    """The same as canonical JSON."""
    hash: str
    """Over all of the line but this hash."""
    end: int
    """Offset in bytes behind the line."""


def kind_of(entry: Entry) -> str:
    """The `kind` of the line that an entry makes."""
    return _KINDS[type(entry)]


def encode(entry: Entry, seq: int, prev: str) -> tuple[bytes, bytes, str]:
    """A line's canonical bytes, newline included, those of its body, and its hash.

    The hash is the sha256 of the canonical line without the key `hash`; `prev` is in it.

    Raises:
        ValueError: the body holds NaN, an infinity, a lone surrogate, or an integer beyond 2**53 - 1.
    """
    body = canonical(entry)
    line, value = _join(body, kind_of(entry), seq, prev, VERSION)
    return line, body, value


def _join(body: bytes, kind: str, seq: int, prev: str, version: int) -> tuple[bytes, str]:
    """The line, and its hash; the keys are in canonical order, with `hash` behind `body`."""
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
    """Check one line against its place in the chain, and read it.

    Raises:
        LineFault: what is wrong with it.
    """
    if not raw.endswith(b"\n"):
        raise LineFault(seq, f"torn last line ({len(raw)} bytes, no line end)", torn=True)
    data = _parse(raw, seq)
    if set(data) != _KEYS or not isinstance(data["body"], dict) or not isinstance(data["kind"], str):
        raise LineFault(seq, f"not a journal line: expected the keys {', '.join(sorted(_KEYS))}")
    body = _body_if_intact(raw, data)
    _check_version(data["v"], seq, intact=body is not None)
    if body is None:
        raise LineFault(seq, "the content does not match its hash")
    if data["kind"] not in ENTRIES:
        raise LineFault(seq, f"unknown kind {data['kind']!r}")
    if data["seq"] != seq:
        raise LineFault(seq, f"expected seq {seq}, found {data['seq']}")
    if data["prev"] != prev:
        raise LineFault(seq, "the chain is broken: `prev` is not the hash of the line before")
    return Line(seq, _read(data["kind"], data["body"], seq), body, data["hash"], end)


def sealed_by(raw: bytes) -> str | None:
    """The hash that a line seals; `None` for every other line, of which little is read."""
    if b',"kind":"seal",' not in raw:
        return None
    try:
        data = _parse(raw, 0)
        return SealEntry.model_validate(data["body"]).sha256 if data["kind"] == "seal" else None
    except (LineFault, KeyError, ValueError):
        return None


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


def _body_if_intact(raw: bytes, data: Mapping[str, Any]) -> bytes | None:
    """The body's bytes, if the line's are exactly those that `encode` makes.

    The line is written anew rather than cut apart, so that doubled keys and added spaces are found too.
    """
    if type(data["seq"]) is not int or type(data["v"]) is not int:
        return None
    try:
        body = canonical(data["body"], parsed=True)
        line, _ = _join(body, data["kind"], data["seq"], data["prev"], data["v"])
    except (ValueError, TypeError, RecursionError):
        return None
    return body if line == raw else None


def _check_version(version: Any, seq: int, *, intact: bool) -> None:
    """Raise unless a line is of this version; in a damaged line, what its version says is not believed."""
    if version == VERSION or not isinstance(version, int) or not (intact or seq == 1):
        return
    if version > VERSION:
        what = f"journal version {version} is newer than this auditkit reads ({VERSION}); upgrade auditkit"
        raise LineFault(seq, what, other_version=True)
    if seq == 1 and version > 0:
        raise LineFault(seq, _OLDER.format(version=version), other_version=True)
    raise LineFault(seq, f"unknown version {version}")


def _read(kind: str, body: dict[str, Any], seq: int) -> Entry:
    record = ENTRIES[kind]
    try:
        return record.model_validate(body)
    except ValidationError as error:
        fault = f"{kind}: {first_fault(error, record)}"
    if kind != "header":
        raise LineFault(seq, fault)
    # An intact header that cannot be read belongs to a journal that is not damaged: nothing of it is moved away.
    environment = body.get("environment")
    version = environment.get("auditkit", "unknown") if isinstance(environment, dict) else "unknown"
    raise LineFault(seq, f"{fault}; it was written by auditkit {version}: use that one", other_version=True)
