"""Keys that servers, proxies, redirects and messages try to get at."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import urllib.request
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from auditkit.errors import ModelError
from auditkit.models.credentials import Credential, may_carry, on_this_machine
from auditkit.models.endpoint.client import Endpoint, RequestFailure, find_key, parse_address
from auditkit.models.weights.locate import TokenKeeper, _unreachable
from auditkit.pipeline.around.offline import prepare
from auditkit.schema import Api, Config

KEY = "sk-Zx81+qRs/7=Tuv_W2mN4"
QUICK: dict[str, Any] = {"deadline": 3, "timeout": 1, "retries": 0, "backoff": 0.01}
ECHOES: dict[str, str] = {
    "whole": KEY,
    "less its last character": KEY[:-1],
    "less its first character": KEY[1:],
    "its first half": KEY[:11],
    "its last half": KEY[-11:],
    "the middle": KEY[6:18],
    "URL-encoded": quote(KEY, safe=""),
    "URL-encoded twice": quote(quote(KEY, safe=""), safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 behind Bearer": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"ab{KEY}".encode()).decode(),
    "hex": KEY.encode().hex(),
    "upper hex": KEY.encode().hex().upper(),
    "lower case": KEY.lower(),
    "backwards": KEY[::-1],
    "twice": KEY + KEY,
}


def parts(text: str) -> list[str]:
    """What would give a text away: twelve characters of it in a row."""
    return [text[at : at + 12].lower() for at in range(len(text) - 11)]


def gives_away(text: str, form: str) -> bool:
    return any(part in text.lower() for part in parts(form))


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AUDITKIT_API_KEY", KEY)
    return KEY


def post(endpoint: Endpoint) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with endpoint.session():
            return await endpoint.post("/chat/completions", {"max_tokens": 4})

    return asyncio.run(ask())


@pytest.mark.parametrize("name", ECHOES)
def test_no_form_of_the_key_comes_through(name: str) -> None:
    form = ECHOES[name]
    scrubbed = Credential(KEY).scrub(f"You sent {form}, did you not?")
    assert "[key]" in scrubbed
    assert not gives_away(scrubbed, form)
    assert scrubbed.startswith("You sent")
    assert Credential(KEY).scrub_json({form: [form, 1, None]})
    assert not gives_away(json.dumps(Credential(KEY).scrub_json({form: [form]})), form)


def test_other_words_stay() -> None:
    text = "The nurse said that he was early. İstanbul, 東京 " * 50
    assert Credential(KEY).scrub(text) == text
    assert Credential(None).scrub(KEY) == KEY
    assert Credential("EMPTY").scrub("EMPTY") == "EMPTY"


@pytest.mark.parametrize("padding", [*range(180, 240, 4), *range(970, 1000, 3)])
def test_a_cut_through_the_key(padding: int, toy: Any, key: str) -> None:
    """A server that puts the key where a message is cut: what is left of it would not be recognised any more."""
    toy.chat = lambda body: (400, {}, {"error": {"message": "x" * padding + key}})
    with pytest.raises(RequestFailure) as failure:
        post(Endpoint(toy.url, Api(**QUICK)))
    assert not any(part in str(failure.value) for part in (key[:8], key[-8:]))


@pytest.mark.parametrize("place", ["content", "name", "id", "error code", "finish"])
def test_every_text_of_an_answer(place: str, toy: Any, key: str) -> None:
    message = {"content": key if place == "content" else "A"}
    choice = {"message": message, "finish_reason": key if place == "finish" else "stop"}
    reply = {"model": key, key: "x", "id": key, "choices": [choice], "code": key}
    toy.chat = lambda body: (200, {}, reply)
    assert key not in json.dumps(post(Endpoint(toy.url, Api(**QUICK))))


def test_a_key_escaped_in_json(toy: Any, key: str) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in key)
    toy.chat = lambda body: (200, {}, f'{{"choices": [{{"message": {{"content": "{escaped}"}}}}]}}'.encode())
    assert key not in json.dumps(post(Endpoint(toy.url, Api(**QUICK))))


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_no_proxy_for_this_machine(
    variable: str, toy: Any, api: ModuleType, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api.serving(api.ToyServer()) as proxy:
        monkeypatch.setenv(variable, proxy.url.removesuffix("/v1"))
        assert post(Endpoint(toy.url, Api(**QUICK)))["choices"]
        assert proxy.headers == []
        assert toy.headers[-1]["Authorization"] == f"Bearer {key}"


def test_no_proxy_for_libraries_that_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intern.example")
    monkeypatch.setenv("no_proxy", "")
    prepare(offline=False)
    for host in ("localhost", "127.0.0.1", "intern.example"):
        assert host in os.environ["NO_PROXY"].split(",")
    assert urllib.request.proxy_bypass_environment("127.0.0.1:8000")


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("LOCALHOST.", True),
     ("a.localhost", True), ("localhost.example", False), ("127.0.0.1.example", False), ("10.0.0.1", False),
     ("0.0.0.0", False), ("", False), (None, False), ("evil-localhost", False), ("1270.0.0.1", False)],
)
def test_which_hosts_are_this_machine(host: str | None, here: bool) -> None:
    assert on_this_machine(host) is here


@pytest.mark.parametrize(
    "url", ["http://api.example/v1", "http://10.0.0.1/v1", "http://localhost.example/v1", "http://127.0.0.1.nip.io/v1",
            "HTTP://API.example/v1", "http://[2001:db8::1]/v1", "ftp://api.example/v1"],
)
def test_no_key_in_clear_over_a_network(url: str, key: str) -> None:
    with pytest.raises(ModelError, match="in clear") as refusal:
        find_key(url)
    assert key not in str(refusal.value)
    host = str(urlsplit(url).hostname)
    assert find_key(url, [host.upper()]) == key
    assert may_carry(url.replace("http:", "https:").replace("HTTP:", "https:").replace("ftp:", "https:"))
    assert not may_carry(url, ["other.example"])


def test_no_run_folder_keeps_what_was_allowed() -> None:
    config = Config(model="openai:x@http://api.example/v1", api=Api(allow_http=("api.example",)))
    assert config.identity().api.allow_http == ()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_endpoint_that_redirects_is_not_followed(
    status: int, toy: Any, api: ModuleType, key: str
) -> None:
    with api.serving(api.ToyServer()) as other:
        toy.chat = lambda body: (status, {"Location": f"{other.url}/chat/completions"}, {})
        with pytest.raises(RequestFailure):
            post(Endpoint(toy.url, Api(**QUICK)))
        assert other.headers == []


REDIRECTS = {
    "another host": "https://other.example/x", "another port": "https://hub.example:8443/x",
    "plain http": "http://hub.example/x", "a host that looks alike": "https://hub.example.evil/x",
    "a user name in front": "https://hub.example@evil.example/x", "this machine": "http://127.0.0.1:1/x",
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_the_hubs_token_stays_with_its_host(name: str) -> None:
    asked = urllib.request.Request("https://hub.example/api/models/a", headers={"Authorization": "Bearer t"})
    new = TokenKeeper().redirect_request(asked, None, 302, "", {}, REDIRECTS[name])
    assert new is not None
    assert not new.has_header("Authorization")
    same = TokenKeeper().redirect_request(asked, None, 302, "", {}, "https://hub.example/api/models/b")
    assert same is not None
    assert same.get_header("Authorization") == "Bearer t"


@pytest.fixture
def hub(api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str | None]]:
    """Asks a Hub by its address; gives what opened connections carried as Authorization."""
    carried: list[str | None] = []

    class Opener:
        def open(self, request: Any, timeout: float) -> Any:
            carried.append(request.get_header("Authorization"))
            raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_secret_token_123")
    monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: Opener())

    def ask(endpoint: str) -> list[str | None]:
        carried.clear()
        assert "hf_secret" not in _unreachable("a/b", endpoint)
        return carried

    return ask


def test_the_hubs_token_is_not_sent_in_clear(hub: Callable[[str], list[str | None]]) -> None:
    assert hub("http://mirror.example") == [None]
    assert hub("https://mirror.example") == ["Bearer hf_secret_token_123"]
    assert hub("http://127.0.0.1:8080") == ["Bearer hf_secret_token_123"]


@pytest.mark.parametrize(
    "address", ["http://h:99999/v1", "http://h:0/v1", "http://h:-1/v1", "http://h:port/v1", "http://[::1/v1",
                "http:///v1", "https://:443/v1", "http://h\x00x/v1", "http://" + "a" * 300 + "\u2028/v1"],
)
def test_an_address_that_none_can_connect_to(address: str) -> None:
    with pytest.raises(ModelError) as refusal:
        parse_address(f"openai:m@{address}")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400
