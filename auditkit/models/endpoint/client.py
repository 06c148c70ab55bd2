"""One OpenAI-compatible endpoint over HTTP: retries, deadlines, a budget, and a key that is never written anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from auditkit.errors import MeasurementError, ModelError, StoppedError, first_line
from auditkit.models.credentials import Credential, may_carry, on_this_machine
from auditkit.models.endpoint import SCHEME
from auditkit.models.endpoint.reading import TooLong, most_bytes, read_body
from auditkit.schema import Api

USAGE = f"write {SCHEME}MODEL@BASE_URL, e.g. {SCHEME}my-model@http://localhost:8000/v1"
KEYS = ("AUDITKIT_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key, the first that is set."""

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_REFUSED = frozenset({401, 402, 403})
_LONGEST_WAIT = 30.0
_TEMPLATE_TOKENS = 4096
"""Most tokens that a server's own template, system prompt or hidden reasoning may add to the bytes seen."""


class RequestFailure(MeasurementError):
    """An endpoint gave no usable answer."""

    def __init__(self, reason: str, *, status: int | None = None, code: str = "", fatal: bool = False) -> None:
        """Args: reason in one line; HTTP status; the server's own error code; whether every request will fail."""
        super().__init__(reason)
        self.status = status
        self.code = code
        self.fatal = fatal


class UnusableReply(RequestFailure):
    """A reply came, but not what was asked for."""

    def __init__(self, reason: str) -> None:
        """Args: reason in one line."""
        super().__init__(reason, status=200)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is served."""

    model: str
    url: str
    """Base URL, without a slash at its end."""


def parse_address(name: str) -> Address:
    """Read `openai:MODEL@BASE_URL`.

    Raises:
        ModelError: it is not of that form, or carries a password or a query: keys come from the environment alone.
    """
    match = re.fullmatch(rf"{SCHEME}(?P<model>.+)@(?P<url>https?://[^\s@?#]+)", name, re.DOTALL)
    if match is None:
        if re.search(r"https?://\S*[@?#]", name):
            # The name itself may hold a key, so it is not repeated.
            raise ModelError(
                f"{SCHEME}…: the URL holds a user name, query or fragment; take it out: a key comes from {KEYS[0]}"
            )
        raise ModelError(f"{name[:120]}: no model at a URL; {USAGE}")
    _check_url(match["url"])
    return Address(match["model"], match["url"].rstrip("/"))


def _check_url(url: str) -> None:
    """Refuse an address that no connection can be made to.

    Raises:
        ModelError: it has no host, a port beyond 65535, or characters that no address has.
    """
    import httpx

    try:
        parts = urlsplit(url)
        port, host = parts.port, httpx.URL(url).host
    except (ValueError, httpx.InvalidURL) as error:
        raise ModelError(f"{url[:120]!r}: not an address ({first_line(error)}); {USAGE}") from None
    if not host or port == 0:
        raise ModelError(f"{url[:120]!r}: an address needs a host, and a port from 1 to 65535; {USAGE}")


def find_key(url: str, allowed: Sequence[str] = ()) -> str | None:
    """The key for an endpoint, from the environment alone; `None` where there is none.

    A key is sent over https, to this machine, or to a host that the user allows. `OPENAI_API_KEY`, which is another
    service's for most endpoints, is otherwise left out; `AUDITKIT_API_KEY` was set for this one, and its user is told.

    Args:
        url: of the endpoint.
        allowed: hosts that may have it over plain http.

    Raises:
        ModelError: a key that plain http would carry in clear, or that holds characters that no header can carry; the
            text does not show it.
    """
    safe = may_carry(url, allowed)
    for name in KEYS:
        key = os.environ.get(name, "").strip()
        if key and name == KEYS[0] and not safe:
            host = urlsplit(url).hostname
            raise ModelError(
                f"{name} is set, and http would carry it to {host} in clear; use https, unset the key, or give "
                f"--allow-http {host}"
            )
        if key and safe:
            if not re.fullmatch(r"[\x21-\x7e]+", key):
                raise ModelError(f"{name} holds characters that no HTTP header can carry; set it again")
            return key
    return None


@dataclass(slots=True)
class Budget:
    """What one command may still ask."""

    max_requests: int | None
    max_tokens: int | None
    requests: int = 0
    tokens: int = 0

    def take(self) -> None:
        """Count one HTTP request.

        Raises:
            StoppedError: the budget is spent.
        """
        for name, spent, most in (
            ("max_requests", self.requests, self.max_requests), ("max_tokens", self.tokens, self.max_tokens),
        ):
            if most is not None and spent >= most:
                raise StoppedError(
                    f"api.{name}: the budget of {most} is spent; every answer so far is kept: give the same command "
                    f"again, which has the budget anew, or a larger one"
                )
        self.requests += 1


class Endpoint:
    """Posts JSON to an endpoint, and gives back JSON."""

    def __init__(self, url: str, settings: Api) -> None:
        """Take the key from the environment; nothing is sent yet."""
        self.url = url
        self.settings = settings
        self.budget = Budget(settings.max_requests, settings.max_tokens)
        self._key = find_key(url, settings.allow_http)
        self._credential = Credential(self._key)
        self._new: Callable[[], Any]
        self._open: contextlib.AsyncExitStack
        self._idle: list[Any]

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Hold connections open for some requests.

        Each request in flight has a client of its own: what one client does for a request grows with the square of
        its connections.
        """
        import httpx

        # A compressed answer may be far larger than it looks: none is asked for.
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {self._key}"} if self._key else {})}
        # A proxy reads along what http carries: none stands between this machine and itself, and none sees a key.
        parts = urlsplit(self.url)
        proxies = not on_this_machine(parts.hostname) and (parts.scheme == "https" or self._key is None)
        # Redirects are not followed: they could carry the key elsewhere.
        self._new = partial(
            httpx.AsyncClient, headers=headers, timeout=self.settings.timeout, limits=httpx.Limits(max_connections=1),
            follow_redirects=False, trust_env=proxies, verify=httpx.create_ssl_context(),
        )
        async with contextlib.AsyncExitStack() as self._open:
            self._idle = []
            yield

    async def _send(self, path: str, body: dict[str, Any]) -> _Reply:
        """The reply to one HTTP request, read whole within its bound.

        Raises:
            TooLong: it has more bytes than what was asked for can need.
            ValueError: its body cannot be decompressed.
        """
        client = self._idle.pop() if self._idle else await self._open.enter_async_context(self._new())
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        try:
            async with client.stream("POST", f"{self.url}{path}", content=content, headers=headers) as response:
                read = await read_body(response, most_bytes(body, len(content)))
                return _Reply(
                    int(response.status_code), read.decode("utf-8", "replace"), response.headers.get("retry-after")
                )
        finally:
            self._idle.append(client)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask, and ask again after 429, 5xx, timeouts and cut connections, until the deadline.

        Raises:
            RequestFailure: no answer; the reason is one line without the key.
            StoppedError: the budget is spent.
        """
        attempt = _Attempt(time.monotonic() + self.settings.deadline)
        try:
            async with asyncio.timeout(self.settings.deadline):
                while True:
                    reply = await self._try(path, body, attempt)
                    if reply is not None:
                        return reply
                    await asyncio.sleep(self._wait(attempt))
                    attempt.number += 1
        except TimeoutError:
            last = f"; last: {attempt.reason}" if attempt.reason else ""
            raise RequestFailure(f"no answer within the deadline of {self.settings.deadline:g} s{last}") from None

    async def _try(self, path: str, body: dict[str, Any], attempt: _Attempt) -> dict[str, Any] | None:
        """One HTTP request; `None` where it may be tried again."""
        import httpx

        self.budget.take()
        attempt.retry_after, attempt.unreachable = None, False
        try:
            reply = await self._send(path, body)
        except (TooLong, ValueError) as error:
            self.budget.tokens += most_bytes(body, 0)
            raise UnusableReply(self._line(str(error))) from None
        except httpx.ConnectError:
            attempt.reason, attempt.unreachable = "cannot connect", True
        except httpx.TimeoutException:
            attempt.reason = f"timed out after {self.settings.timeout:g} s"
        except httpx.RequestError as error:
            attempt.reason = self._line(f"connection failed: {type(error).__name__}: {error}")
        else:
            if reply.status == 200:
                return self._reply(reply.text, body)
            attempt.reason = self._refuse(reply)
            attempt.retry_after = _retry_after(reply.retry_after)
        return None

    def _wait(self, attempt: _Attempt) -> float:
        """Seconds until the next try: what the server asks for, and a random part that doubles.

        Raises:
            RequestFailure: no try is left, or none fits before the deadline.
        """
        if attempt.number >= self.settings.retries:
            raise RequestFailure(f"{attempt.reason} ({attempt.number + 1} tries)", fatal=attempt.unreachable)
        demanded = attempt.retry_after or 0.0
        if demanded > attempt.deadline - time.monotonic():
            raise RequestFailure(f"{attempt.reason}; the server asks to wait {demanded:g} s, beyond the deadline")
        most = min(_LONGEST_WAIT, self.settings.backoff * 2**attempt.number)
        return demanded + random.uniform(0, most)  # noqa: S311 (no secret: it keeps clients apart)

    def _reply(self, text: str, body: dict[str, Any]) -> dict[str, Any]:
        sent = len(json.dumps(body, ensure_ascii=False).encode())
        try:
            reply = self._credential.scrub_json(json.loads(text, parse_constant=lambda name: None))
        except (ValueError, RecursionError):
            self.budget.tokens += sent + len(text.encode())
            raise UnusableReply("HTTP 200, but the reply is not JSON") from None
        used = usage(reply, sent, len(text.encode()))
        # A token is at least one byte: without a count that can be true, bytes are the most it may have been.
        self.budget.tokens += sum(used) if used is not None else sent + len(text.encode())
        if not isinstance(reply, dict):
            raise UnusableReply(f"HTTP 200, but the reply is a JSON {type(reply).__name__}, not an object")
        if used is None:
            reply.pop("usage", None)
        return reply

    def _refuse(self, reply: _Reply) -> str:
        """The reason in a reply that is not an answer; raises `RequestFailure` where asking again is of no use."""
        status = reply.status
        message, code = _error_of(reply.text)
        reason = self._line(f"HTTP {status}" + (f": {message}" if message else ""))
        if status in _REFUSED:
            # Servers repeat parts of the key in this message.
            reason = f"HTTP {status}: the key is missing, refused, or has no credit; set {KEYS[0]}"
            raise RequestFailure(reason, status=status, fatal=True)
        if code == "insufficient_quota":
            raise RequestFailure(f"HTTP {status}: the account's quota is spent", status=status, code=code, fatal=True)
        if status not in _RETRIED:
            raise RequestFailure(reason, status=status, code=code)
        return reason

    def _line(self, text: str) -> str:
        """One line of a text, without the key."""
        return " ".join(self._credential.scrub(text).split())[:240]


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a server sent back."""

    status: int
    text: str
    retry_after: str | None


@dataclass(slots=True)
class _Attempt:
    deadline: float
    """Of `time.monotonic()`."""
    number: int = 0
    reason: str = ""
    retry_after: float | None = None
    unreachable: bool = False


def usage(reply: Any, sent: int, received: int) -> tuple[int, int] | None:
    """Tokens read and written as the server counts them; `None` where it does not, or the count cannot be true.

    Args:
        reply: the reply.
        sent: bytes sent.
        received: bytes received.
    """
    reported = reply.get("usage") if isinstance(reply, dict) else None
    if not isinstance(reported, dict):
        return None
    counts = []
    for count, size in ((reported.get("prompt_tokens"), sent), (reported.get("completion_tokens", 0), received)):
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= size + _TEMPLATE_TOKENS:
            return None
        counts.append(count)
    return counts[0], counts[1]


def _error_of(text: str) -> tuple[str, str]:
    """The server's message and code, where it gives them in one of the usual forms."""
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(text)
        error = body.get("error", body) if isinstance(body, dict) else None
        if isinstance(error, str):
            return error, ""
        if isinstance(error, dict):
            message = error.get("message") or error.get("detail") or ""
            return str(message), str(error.get("code") or error.get("type") or "")
    return "", ""


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date."""
    if value is None:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        seconds = float(value)
        return max(0.0, seconds) if seconds < 1e9 else None
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None
