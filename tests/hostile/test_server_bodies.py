"""Servers whose answers have no end, or are far larger than what was asked for: bounded in bytes and in seconds."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from auditkit.models.endpoint.client import Endpoint, RequestFailure
from auditkit.models.endpoint.reading import excess, most_bytes
from auditkit.models.open import open_model
from auditkit.schema import Api, Config, Generation, Request

QUICK = Api(deadline=2, timeout=0.6, retries=0, backoff=0.01)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BOMB = gzip.compress(b'{"choices": "' + b"a" * (64 << 20) + b'"}')
Attack = Callable[[socket.socket], None]


def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Attack:
    def attack(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return attack


def once(content: bytes) -> Attack:
    return lambda connection: connection.sendall(content)


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Attack:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return once(b"\r\n".join([*lines, b"", body]))


ATTACKS: dict[str, Attack] = {
    "a gzip bomb": whole(BOMB, b"Content-Encoding: gzip"),
    "a deflate bomb": whole(zlib.compress(b" " * (64 << 20)), b"Content-Encoding: deflate"),
    "a gzip bomb in an error": whole(BOMB, b"Content-Encoding: gzip", status=b"400 Bad Request"),
    "gzip in gzip": whole(gzip.compress(BOMB), b"Content-Encoding: gzip, gzip"),
    "bzip2": whole(bz2.compress(b"{}"), b"Content-Encoding: bzip2"),
    "brotli": whole(b"\x8b\x02\x80{}\x03", b"Content-Encoding: br"),
    "damaged gzip": whole(b"\x1f\x8b nothing", b"Content-Encoding: gzip"),
    "an endless body": endless(HEAD + b"\r\n", b"x" * 65536),
    "endless chunks": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "a slow body": endless(HEAD + b"Content-Length: 999999\r\n\r\n", b"x", 0.1),
    "a slow head": endless(b"HTTP/1.1 200 OK\r\n", b"x", 0.1),
    "endless headers": endless(b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 4096 + b"\r\n"),
    "one endless header": endless(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 65536),
    "endless interim answers": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.01),
    "an endless error": endless(b"HTTP/1.1 500 Oops\r\n\r\n", b"x" * 65536),
    "a huge length": once(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{}"),
    "a negative length": once(HEAD + b"Content-Length: -1\r\n\r\n{}"),
    "an endless chunk size": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "a long integer": whole(b'{"choices": ' + b"9" * 5000 + b"}"),
    "deep lists": whole(b"[" * 100_000),
    "deep objects": whole(b'{"a":' * 100_000),
    "not UTF-8": whole(b"\xff\xfe\x00" * 100),
    "silence": lambda connection: time.sleep(3),
}


@contextmanager
def misbehaving(attack: Attack) -> Iterator[str]:
    """A server that reads what is asked and then does as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            attack(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()


def post(url: str) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        endpoint = Endpoint(url, QUICK)
        async with endpoint.session():
            return await endpoint.post("/chat/completions", {"max_tokens": 4})

    return asyncio.run(ask())


@pytest.mark.parametrize("name", ATTACKS)
def test_an_answer_without_measure(name: str) -> None:
    with misbehaving(ATTACKS[name]) as url:
        begun = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(RequestFailure) as failure:
                post(url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert time.monotonic() - begun < 6
    assert peak < 32 << 20, "two copies of the bound, and the libraries"
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 300


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_a_compressed_answer_is_read_all_the_same(coding: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": "A"}}]}).encode()
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[coding](body)
    with misbehaving(whole(packed, f"Content-Encoding: {coding}".encode())) as url:
        assert post(url)["choices"]


def test_the_bound_follows_what_was_asked_for() -> None:
    assert most_bytes({"max_tokens": 4000}, 100) > most_bytes({"max_tokens": 4}, 100)
    assert most_bytes({"max_completion_tokens": 4000}, 100) == most_bytes({"max_tokens": 4000}, 100)
    assert most_bytes({}, 0) == 1 << 20


@pytest.mark.parametrize("served", ["chat", "completions"])
def test_an_answer_far_over_max_tokens_is_an_error(served: str, toy: Any, api: Any) -> None:
    """A server that ignores the limit: its text is not the answer to what was asked, and is not kept."""
    text = "word " * 4000
    toy.chat = lambda body: api.said(text)
    toy.completions = lambda body: (200, {}, {"model": "toy", "choices": [{"text": text, "finish_reason": "stop"}]})
    chat = "always" if served == "chat" else "never"
    adapter = open_model(Config(model=f"openai:toy@{toy.url}", chat=chat, api=QUICK))
    request = Request(kind="generate", rule="text", text="Who?", generation=Generation(max_tokens=8))
    (output,) = adapter.execute(adapter.encode([request]))
    assert output.error is not None
    assert "max_tokens" in output.error
    assert excess("東京" * 20, 8) == ""
    assert excess("a" * 1280, 8) == ""
