"""One request to an endpoint that misbehaves: what is tried again, what is told, and what is never told."""

from __future__ import annotations

import asyncio
import email.utils
import time
from types import ModuleType
from typing import Any

import pytest

from auditkit.errors import ModelError, StoppedError
from auditkit.models.endpoint.client import Endpoint, RequestFailure, UnusableReply, find_key, parse_address, usage
from auditkit.schema import Api

KEY = "sk-very-secret-key-0123456789"
QUICK: dict[str, Any] = {"deadline": 5, "timeout": 0.3, "retries": 2, "backoff": 0.01}


def post(endpoint: Endpoint) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with endpoint.session():
            return await endpoint.post("/chat/completions", {"model": "m", "messages": []})

    return asyncio.run(ask())


def script(toy: Any, *replies: Any) -> None:
    """Give these replies one after another; the last one for ever."""
    left = list(replies)

    def answer(body: dict[str, Any]) -> Any:
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply() if callable(reply) else reply

    toy.chat = answer


def failure(toy: Any, **settings: Any) -> RequestFailure:
    with pytest.raises(RequestFailure) as caught:
        post(Endpoint(toy.url, Api(**{**QUICK, **settings})))
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("fault", [429, 500, 503, 529, "cut", "slow"])
def test_what_passes_is_asked_again(toy: Any, api: ModuleType, fault: Any) -> None:
    faults = {"cut": api.CUT, "slow": lambda: api.slow(api.said("late"), 0.6)}
    script(toy, faults.get(fault, (fault, {}, {"error": {"message": "busy"}})), api.said("B"))
    reply = post(Endpoint(toy.url, Api(**QUICK)))
    assert reply["choices"][0]["message"]["content"] == "B"
    assert len(toy.asked) == 2


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(toy: Any, api: ModuleType, as_date: bool) -> None:
    # a date has whole seconds, so that two ahead is more than one away
    wait = email.utils.formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    script(toy, (429, {"Retry-After": wait}, {}), api.said("B"))
    begun = time.monotonic()
    post(Endpoint(toy.url, Api(**QUICK)))
    assert time.monotonic() - begun >= 0.9


def test_a_wait_beyond_the_deadline_is_not_waited_for(toy: Any) -> None:
    script(toy, (429, {"Retry-After": "60"}, {}))
    assert "asks to wait 60 s, beyond the deadline" in str(failure(toy))
    assert len(toy.asked) == 1


def test_the_deadline_holds_over_all_tries(toy: Any, api: ModuleType) -> None:
    script(toy, lambda: api.slow(api.said("late"), 1))
    error = failure(toy, deadline=0.5, retries=50)
    assert "no answer within the deadline of 0.5 s; last: timed out" in str(error)
    assert not error.fatal


@pytest.mark.parametrize(
    ("reply", "tries", "reason"),
    [
        ((500, {}, {"error": {"message": "out of\nmemory"}}), 3, "HTTP 500: out of memory (3 tries)"),
        ((429, {}, b"<html>"), 3, "HTTP 429 (3 tries)"),
        ((400, {}, {"error": {"message": "too long", "code": "context_length_exceeded"}}), 1, "HTTP 400: too long"),
        ((404, {}, {"detail": "Not Found"}), 1, "HTTP 404: Not Found"),
        ((302, {"Location": "http://127.0.0.1:9/"}, {}), 1, "HTTP 302"),
        ((200, {}, b"{nonsense"), 1, "HTTP 200, but the reply is not JSON"),
        ((200, {}, [1]), 1, "HTTP 200, but the reply is a JSON list, not an object"),
        ((200, {}, b""), 1, "HTTP 200, but the reply is not JSON"),
    ],
)
def test_what_does_not_pass_is_told(toy: Any, reply: Any, tries: int, reason: str) -> None:
    script(toy, reply)
    error = failure(toy)
    assert str(error) == reason
    assert len(toy.asked) == tries
    assert isinstance(error, UnusableReply) == (reply[0] == 200)


def test_a_cut_connection_is_told(toy: Any, api: ModuleType) -> None:
    script(toy, api.CUT)
    assert str(failure(toy)).startswith("connection failed: RemoteProtocolError")


@pytest.mark.parametrize("reply", [
    (401, {}, {"error": {"message": f"Incorrect API key provided: {KEY[:9]}****"}}),
    (403, {}, {}), (402, {}, {}), (429, {}, {"error": {"message": "pay", "code": "insufficient_quota"}}),
])
def test_what_fails_for_ever_stops(toy: Any, reply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITKIT_API_KEY", KEY)
    script(toy, reply)
    error = failure(toy)
    assert error.fatal
    assert KEY[:9] not in str(error)
    assert len(toy.asked) == 1


def test_nobody_there(api: ModuleType) -> None:
    with api.serving(api.ToyServer()) as gone:
        pass
    error = failure(gone)
    assert error.fatal
    assert "cannot connect (3 tries)" in str(error)


def test_the_key_is_sent_and_never_told(toy: Any, api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITKIT_API_KEY", KEY)
    script(toy, api.said(f"my key is {KEY}"))
    reply = post(Endpoint(toy.url, Api(**QUICK)))
    assert reply["choices"][0]["message"]["content"] == "my key is [key]"
    assert toy.headers[-1]["Authorization"] == f"Bearer {KEY}"
    script(toy, (400, {}, {"error": {"message": f"what is {KEY}?"}}))
    assert str(failure(toy)) == "HTTP 400: what is [key]?"


def test_which_key_goes_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITKIT_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "open")
    urls = ["https://api.example/v1", "http://localhost:8000/v1", "http://10.0.0.1/v1"]
    assert [find_key(url) for url in urls] == ["open", "open", None], "another service's key is not sent in the clear"
    monkeypatch.setenv("AUDITKIT_API_KEY", " ours\n")
    assert [find_key(url) for url in urls[:2]] == ["ours"] * 2
    with pytest.raises(ModelError, match=r"in clear; .*--allow-http 10\.0\.0\.1"):
        find_key(urls[2])
    assert find_key(urls[2], ["10.0.0.1"]) == "ours"
    monkeypatch.setenv("AUDITKIT_API_KEY", "sk-sécret")
    with pytest.raises(ModelError) as caught:
        find_key(urls[0])
    assert "cret" not in str(caught.value)


def test_budgets_stop(toy: Any, api: ModuleType) -> None:
    endpoint = Endpoint(toy.url, Api(**QUICK, max_requests=2))
    script(toy, (500, {}, {}))
    with pytest.raises(StoppedError, match=r"api\.max_requests: the budget of 2 is spent"):
        post(endpoint)
    assert len(toy.asked) == 2, "tries count"
    endpoint = Endpoint(toy.url, Api(**QUICK, max_tokens=15))
    script(toy, api.said("A"))
    post(endpoint)
    assert endpoint.budget.tokens == 10
    post(endpoint)
    with pytest.raises(StoppedError, match=r"api\.max_tokens: the budget of 15 is spent"):
        post(endpoint)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 2}, (7, 2)), ({"prompt_tokens": 7}, (7, 0)),
        ({"prompt_tokens": -7, "completion_tokens": 2}, None), ({"prompt_tokens": "7"}, None),
        ({"prompt_tokens": True}, None), ({"prompt_tokens": 7, "completion_tokens": 10**9}, None),
        ({"prompt_tokens": 1.5}, None), (None, None), ([], None), ({}, None),
    ],
)
def test_counts_that_cannot_be_true_are_none(told: Any, expected: Any) -> None:
    assert usage({"usage": told}, 100, 100) == expected


def test_without_a_count_the_budget_takes_bytes(toy: Any, api: ModuleType) -> None:
    status, headers, body = api.said("A")
    script(toy, (status, headers, {**body, "usage": {"prompt_tokens": -5}}))
    endpoint = Endpoint(toy.url, Api(**QUICK))
    assert "usage" not in post(endpoint)
    assert endpoint.budget.tokens > 100


@pytest.mark.parametrize(
    ("name", "model", "url"),
    [
        ("openai:m@http://localhost:1/v1", "m", "http://localhost:1/v1"),
        ("openai:org/m@2024:free@https://host/v1/", "org/m@2024:free", "https://host/v1"),
    ],
)
def test_addresses(name: str, model: str, url: str) -> None:
    found = parse_address(name)
    assert (found.model, found.url) == (model, url)


@pytest.mark.parametrize(
    "name", ["openai:m", "openai:@http://h", "openai:m@ftp://h", "openai:m@", "openai:m@http://"],
)
def test_names_that_are_no_address(name: str) -> None:
    with pytest.raises(ModelError, match="write openai:MODEL@BASE_URL"):
        parse_address(name)


@pytest.mark.parametrize("name", [f"openai:m@https://me:{KEY}@h/v1", f"openai:m@https://h/v1?key={KEY}"])
def test_a_key_in_the_url_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(ModelError, match="user name, query or fragment") as caught:
        parse_address(name)
    assert KEY not in str(caught.value)
