"""A real HTTP server on loopback that speaks the OpenAI protocol, well or badly, over a toy language model."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DAYS = ["Monday,", "Tuesday,", "Wednesday,", "Thursday,", "Friday,", "Saturday,", "Sunday"]
Reply = tuple[int, dict[str, str], Any]
"""Status, headers, body: JSON, or bytes as they are."""


def tokens_of(text: str) -> list[str]:
    """Words with the space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def logprob(before: list[str], token: str) -> float:
    """The toy model: it knows the days of the week, and has an opinion on every other word."""
    last = before[-1].strip() if before else ""
    if last in DAYS[:-1]:
        return math.log(0.9) if token == f" {DAYS[DAYS.index(last) + 1]}" else -9.0
    return -1.0 - int(hashlib.sha256("".join((*before, token)).encode()).hexdigest()[:8], 16) / 16**8 * 5


def logprobs(tokens: list[str]) -> list[float | None]:
    """Of each token after those before it; the first has none."""
    return [None, *(logprob(tokens[:at], tokens[at]) for at in range(1, len(tokens)))]


class ToyServer:
    """The server's state: what it was asked, and how it misbehaves."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.completions: Callable[[dict[str, Any]], Reply] = self.echo
        self.chat: Callable[[dict[str, Any]], Reply] = lambda body: said("A")
        self.shift = "none"
        """none, left, right, self (each value is the next, last, or same token's) or ignored."""
        self.only_echo = True
        """Whether a generated token's value is right."""
        self.active = 0
        self.most_active = 0
        self.clients: set[tuple[str, int]] = set()
        """The other ends of all connections."""
        self.lock = threading.Lock()

    def echo(self, body: dict[str, Any]) -> Reply:
        """A completion with echo and logprobs."""
        prompt = tokens_of(body["prompt"])
        last = prompt[-1].strip()
        new = f" {DAYS[DAYS.index(last) + 1]}" if last in DAYS[:-1] else " A"
        values = logprobs([*prompt, new])
        wrong = body.get("echo") or not self.only_echo
        if not wrong:
            pass
        elif self.shift == "left":
            values = [*values[1:], -1.0]
        elif self.shift == "right":
            values = [None, *values[:-1]]
            values[1] = -1.0
        elif self.shift == "self":
            values = [None, *(logprob([*prompt, new][: at + 1], [*prompt, new][at]) for at in range(1, len(values)))]
        first = 0 if body.get("echo") else len(prompt)
        shown = [*prompt, new][first:]
        choice: dict[str, Any] = {"text": "".join(shown), "finish_reason": "length"}
        if self.shift == "ignored":
            choice["text"] = new
        elif body.get("logprobs") is not None:
            choice["logprobs"] = {"tokens": shown, "token_logprobs": values[first:]}
        counts = {"prompt_tokens": len(prompt), "completion_tokens": 1}
        return 200, {}, {"model": "toy", "choices": [choice], "usage": counts}


def said(content: Any, **more: Any) -> Reply:
    """An ordinary chat reply."""
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop", **more}
    return 200, {}, {"model": "toy", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}


def slow(reply: Reply, seconds: float) -> Reply:
    """The same, late."""
    time.sleep(seconds)
    return reply


CUT: Reply = (0, {}, None)
"""The connection is closed in the middle of an answer."""
DROPPED: Reply = (-1, {}, None)
"""The connection is closed without an answer."""


@contextmanager
def serving(toy: ToyServer) -> Iterator[ToyServer]:
    """Serve on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with toy.lock:
                toy.asked.append((self.path, body))
                toy.headers.append(dict(self.headers))
                toy.clients.add(self.client_address)
                toy.active += 1
                toy.most_active = max(toy.most_active, toy.active)
            try:
                reply = toy.chat(body) if self.path.endswith("/chat/completions") else toy.completions(body)
                self.answer(*reply)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with toy.lock:
                    toy.active -= 1

        def answer(self, status: int, headers: dict[str, str], body: Any) -> None:
            if status < 0:
                self.close_connection = True
                return
            if status == 0:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\": [")
                self.close_connection = True
                return
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # with the usual 5, connections that come at once are dropped
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    toy.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield toy
    finally:
        server.shutdown()
        server.server_close()
